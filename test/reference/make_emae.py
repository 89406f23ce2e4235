"""Reference numbers for EMAE (arXiv 2302.14431): an independent small implementation in plain PyTorch, float64 on the CPU.
Written from the method's description: part k of K shows the patches ids[k n : (k + 1) n] of one random order and hides the
others; each part goes through the autoencoder by itself, pairs of parts are compared in two loops, nothing is folded or
sorted. usage: python make_emae.py OUT.safetensors
Keys: weight/<official name>, image [B 3 H W], noise [B N]; per K in `cases`: loss.K/{whole,consistency,part}, grad.K/<name> of
whole + consistency (mean over overlapping positions, weight 1); half/<name>: the same for K = 4 with weight (K - 2) / K."""
import json, sys, torch, torch.nn.functional as F
from safetensors.torch import save_file

torch.set_num_threads(1); torch.set_default_dtype(torch.float64); torch.manual_seed(5)
S, p, D, depth, heads, d, ddepth, dheads, B, cases = 12, 2, 16, 2, 2, 8, 1, 2, 3, (2, 3, 4, 6)
g, N, P = S // p, (S // p) ** 2, 3 * p * p

def table(width):
    def one(m):
        w = 10000 ** (-torch.arange(width // 4) / (width / 4)); a = m[:, None] * w[None]
        return torch.cat([a.sin(), a.cos()], 1)
    y, x = torch.meshgrid(torch.arange(g).double(), torch.arange(g).double(), indexing="ij")
    return torch.cat([torch.zeros(1, width), torch.cat([one(x.flatten()), one(y.flatten())], 1)])[None]

W = {}
def new(name, *shape, scale=.3, base=0.): W[name] = (torch.randn(*shape) * scale + base).requires_grad_()
def block(at, w):
    for n in ("norm1", "norm2"): new(f"{at}.{n}.weight", w, scale=.1, base=1.); new(f"{at}.{n}.bias", w, scale=.1)
    for n, o, i in (("attn.qkv", 3 * w, w), ("attn.proj", w, w), ("mlp.fc1", 4 * w, w), ("mlp.fc2", w, 4 * w)):
        new(f"{at}.{n}.weight", o, i); new(f"{at}.{n}.bias", o, scale=.1)
new("cls_token", 1, 1, D); new("mask_token", 1, 1, d)
new("patch_embed.proj.weight", D, 3, p, p); new("patch_embed.proj.bias", D, scale=.1)
for i in range(depth): block(f"blocks.{i}", D)
for i in range(ddepth): block(f"decoder_blocks.{i}", d)
for n, w in (("norm", D), ("decoder_norm", d)): new(f"{n}.weight", w, scale=.1, base=1.); new(f"{n}.bias", w, scale=.1)
new("decoder_embed.weight", d, D); new("decoder_embed.bias", d, scale=.1)
new("decoder_pred.weight", P, d); new("decoder_pred.bias", P, scale=.1)
fixed = {"pos_embed": table(D), "decoder_pos_embed": table(d)}
# Everything is rounded to what the file holds, so that both sides start from the same numbers.
for v in [*W.values()]: v.data = v.data.float().double()
fixed = {k: v.float().double() for k, v in fixed.items()}
image = torch.randn(B, 3, S, S).float().double(); noise = torch.rand(B, N).float().double()

def norm(x, at): return F.layer_norm(x, x.shape[-1:], W[at + ".weight"], W[at + ".bias"], 1e-6)
def lin(x, at): return F.linear(x, W[at + ".weight"], W[at + ".bias"])
def run(x, at, h):
    b, n, w = x.shape
    q, k, v = lin(norm(x, at + ".norm1"), at + ".attn.qkv").view(b, n, 3, h, w // h).permute(2, 0, 3, 1, 4)
    a = (q @ k.transpose(-1, -2) / (w // h) ** .5).softmax(-1) @ v
    x = x + lin(a.transpose(1, 2).reshape(b, n, w), at + ".attn.proj")
    return x + lin(F.gelu(lin(norm(x, at + ".norm2"), at + ".mlp.fc1")), at + ".mlp.fc2")

def predict(keep):  # keep [B n] -> [B N P]
    x = F.conv2d(image, W["patch_embed.proj.weight"], W["patch_embed.proj.bias"], stride=p).flatten(2).transpose(1, 2) + fixed["pos_embed"][:, 1:]
    x = torch.stack([x[b, keep[b]] for b in range(B)])
    x = torch.cat([(W["cls_token"] + fixed["pos_embed"][:, :1]).expand(B, -1, -1), x], 1)
    for i in range(depth): x = run(x, f"blocks.{i}", heads)
    y = lin(norm(x, "norm"), "decoder_embed")
    rows = []
    for b in range(B):
        full = [W["mask_token"][0, 0]] * N
        for j, at in enumerate(keep[b].tolist()): full[at] = y[b, 1 + j]
        rows.append(torch.stack([y[b, 0], *full]))
    z = torch.stack(rows) + fixed["decoder_pos_embed"]
    for i in range(ddepth): z = run(z, f"decoder_blocks.{i}", dheads)
    return lin(norm(z, "decoder_norm"), "decoder_pred")[:, 1:]

t = image.view(B, 3, g, p, g, p).permute(0, 2, 4, 3, 5, 1).reshape(B, N, P)
t = (t - t.mean(-1, keepdim=True)) / (t.var(-1, keepdim=True) + 1e-6).sqrt()
order = noise.argsort(1)
T = {"image": image, "noise": noise, **{"weight/" + k: v for k, v in {**W, **fixed}.items()}}
def losses(K):
    n = N // K; preds, hidden = [], []
    for k in range(K):
        keep = order[:, k * n:(k + 1) * n]
        preds.append(predict(keep)); hidden.append(torch.ones(B, N).scatter(1, keep, 0.))
    part = [((((preds[k] - t) ** 2).mean(-1) * hidden[k]).sum() / hidden[k].sum()) for k in range(K)]
    both = []
    for i in range(K):
        for j in range(i + 1, K):
            s = hidden[i] * hidden[j]
            if s.sum() == 0: continue
            c = (preds[i].detach() - preds[j]).abs() + (preds[i] - preds[j].detach()).abs()
            both.append((c.mean(-1) * s).sum() / s.sum())
    return torch.stack(part), (torch.stack(both).mean() if both else torch.zeros(()))
for K in cases:
    for tag, weight in ((f"grad.{K}", 1.), *(((("half", (K - 2) / K)),) if K == 4 else ())):
        for v in W.values(): v.grad = None
        part, consistency = losses(K); (part.mean() + weight * consistency).backward()
        T |= {f"{tag}/{k}": v.grad.clone() for k, v in W.items() if tag.startswith("grad") or k in ("cls_token", "mask_token", "decoder_pred.bias", "patch_embed.proj.weight")}
    T |= {f"loss.{K}/whole": part.mean()[None], f"loss.{K}/consistency": consistency[None], f"loss.{K}/part": part}
    print(K, part.mean().item(), consistency.item())
config = dict(imageSize=S, patchSize=p, width=D, depth=depth, heads=heads, decoderWidth=d, decoderDepth=ddepth, decoderHeads=dheads)
save_file({k: v.detach().float().contiguous() for k, v in T.items()}, sys.argv[1], metadata=dict(config=json.dumps(config), torch=torch.__version__))
