"""Siamese masked image modelling (arXiv 2208.04164), an independent small implementation in plain PyTorch: no official code is public. It
follows the reading that docs/methods/siameseMim.md states. Everything stands in image order: which patches are shown is a mask of booleans,
InfoNCE is written out picture by picture. Transformer blocks are timm's. See official.py for usage; --official is a checkout of this
repository, whose commit is written down."""
import copy, math, re
from functools import partial
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import Block
from torch import nn
from official import Script, adamw, arguments, record, timm_groups

norm = partial(nn.LayerNorm, eps=1e-6)
block = lambda width, heads, ratio: Block(width, heads, mlp_ratio=ratio, qkv_bias=True, norm_layer=norm)
fixed = lambda *shape: nn.Parameter(torch.randn(*shape) * .1, requires_grad=False)


class Encoder(nn.Module):
    def __init__(self, model, channels, patches):
        super().__init__()
        width, patch = model["width"], model["patchSize"]
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * .02)
        self.pos_embed = fixed(1, 1 + patches, width)
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(channels, width, patch, patch)})
        self.blocks = nn.ModuleList([block(width, model["heads"], model["mlpRatio"]) for _ in range(model["depth"])])
        self.norm = norm(width)

    def forward(self, image, shown):
        """shown: booleans [B N], as many in each row -> class token [B 1 D], tokens [B N D], zero where nothing is shown"""
        B, N = shown.shape
        tokens = self.patch_embed["proj"](image).flatten(2).transpose(1, 2) + self.pos_embed[:, 1:]
        x = torch.cat([(self.cls_token + self.pos_embed[:, :1]).expand(B, -1, -1), tokens[shown].reshape(B, -1, tokens.shape[2])], 1)
        for layer in self.blocks: x = layer(x)
        x = self.norm(x)
        whole = torch.zeros_like(tokens)
        whole[shown] = x[:, 1:].flatten(0, 1)
        return x[:, :1], whole


class Decoder(nn.Module):
    def __init__(self, sizes, width, patches, outputs):
        super().__init__()
        d = sizes["width"]
        self.decoder_embed = nn.Linear(width, d)
        self.mask_token = nn.Parameter(torch.randn(1, 1, d) * .02)
        self.decoder_pos_embed = fixed(1, 1 + patches, d)
        self.decoder_blocks = nn.ModuleList([block(d, sizes["heads"], sizes["mlpRatio"]) for _ in range(sizes["depth"])])
        self.decoder_norm = norm(d)
        self.decoder_pred = nn.Linear(d, outputs)

    def forward(self, cls, tokens, shown):
        whole = torch.where(shown[:, :, None], self.decoder_embed(tokens), self.mask_token)
        x = torch.cat([self.decoder_embed(cls), whole], 1) + self.decoder_pos_embed
        for layer in self.decoder_blocks: x = layer(x)
        return self.decoder_pred(self.decoder_norm(x))[:, 1:]


def heads(method, width):
    """-> projector, predictor"""
    hidden, output = method["hidden"], method["output"]
    normed = lambda *sizes: nn.Sequential(*sum(([nn.Linear(a, b), nn.LayerNorm(b), nn.GELU()] for a, b in zip(sizes, sizes[1:-1])), []), nn.Linear(*sizes[-2:]))
    batch = lambda inputs: nn.Sequential(nn.Linear(inputs, hidden, bias=False), nn.BatchNorm1d(hidden, eps=1e-6), nn.ReLU(), nn.Linear(hidden, output, bias=False))
    return {
        "tokens": lambda: (nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, output)), nn.Sequential()),
        "instances": lambda: (batch(width), batch(output)),
        "cosine": lambda: (normed(width, hidden, hidden, output), normed(output, hidden, output)),
    }.get(method["similarity"], lambda: (nn.Sequential(), nn.Sequential()))()


def nce(queries, keys, temperature):
    q, k = F.normalize(queries, dim=1), F.normalize(keys, dim=1)
    scores = q @ k.T / temperature
    return -2 * temperature * (scores.diagonal() - scores.logsumexp(1)).mean()


class Branches(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.method, model, data = config["method"], config["model"], config["data"]
        self.patch, width = model["patchSize"], model["width"]
        self.patches = (data["imageSize"] // self.patch) ** 2
        self.kind = self.method["similarity"]
        values, average = data["channels"] * self.patch ** 2, self.method["branch"] == "average"
        self.encoder = Encoder(model, data["channels"], self.patches)
        decoder = lambda outputs: Decoder(self.method["decoder"], width, self.patches, outputs)
        if self.kind == "decoded":
            self.decoder = decoder(values)
            if average: self.other_decoder = decoder(values)
        elif self.kind != "cosine": self.decoder = decoder(width)
        self.projector, self.predictor = heads(self.method, width)
        if average: self.teacher = nn.ModuleDict({"encoder": copy.deepcopy(self.encoder), "projector": copy.deepcopy(self.projector)}).requires_grad_(False)

    def shown(self, noise):
        kept = int(self.patches * (1 - self.method["maskRatio"]))
        return torch.zeros_like(noise, dtype=torch.bool).scatter(1, noise.argsort(1)[:, :kept], True)

    def target(self, image):
        p = self.patch
        t = F.unfold(image, p, stride=p).transpose(1, 2).unflatten(2, (-1, p, p)).permute(0, 1, 3, 4, 2).flatten(2)  # channels last
        return (t - t.mean(-1, True)) / (t.var(-1, keepdim=True) + 1e-6).sqrt() if self.method["normalizeTargets"] else t

    def forward(self, image, noise):
        """-> loss, parts"""
        seen = self.shown(noise)
        hidden = ~seen
        other = torch.ones_like(seen) if self.method["view"] == "full" else hidden
        average = self.method["branch"] == "average"
        cls, tokens = self.encoder(image, seen)
        encoder = self.teacher["encoder"] if average else self.encoder
        with torch.set_grad_enabled(self.kind == "decoded" and not average): other_cls, other_tokens = encoder(image, other)
        if self.kind == "decoded":
            a = self.decoder(cls, tokens, seen)[hidden]
            b = (self.other_decoder if average else self.decoder)(other_cls, other_tokens, other)[hidden]
            t = self.target(image)[hidden]
            match, anchor = ((a - b.detach()) ** 2).mean(), ((b - t) ** 2).mean()
            return match + self.method["anchorWeight"] * anchor, {"match": match, "anchor": anchor, "error": ((a - t) ** 2).mean()}
        B, width = len(image), tokens.shape[2]
        if self.kind in ("features", "tokens"):
            a = self.decoder(cls, tokens, seen)[hidden].reshape(B, -1, width)
            v = other_tokens[hidden].reshape(B, -1, width)
            b = (v - v.mean(2, True)) / (v.var(2, unbiased=False, keepdim=True) + 1e-6).sqrt()
        else:
            a = self.decoder(cls, tokens, seen).mean(1) if self.kind == "instances" else tokens.sum(1) / seen.sum(1, True)
            b = other_tokens.sum(1) / other.sum(1, True)
        with torch.no_grad(): b = (self.teacher["projector"] if average else self.projector)(b)
        a = self.predictor(self.projector(a))
        if self.kind == "features" and self.method["distance"] == "squared": return ((a - b) ** 2).mean(), {}
        if self.kind in ("features", "cosine"): return (2 - 2 * F.cosine_similarity(a, b, dim=-1)).mean(), {}
        if self.kind == "tokens" and self.method["negatives"] == "picture":
            return torch.stack([nce(q, k, self.method["temperature"]) for q, k in zip(a, b)]).mean(), {}
        return nce(a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1]), self.method["temperature"]), {}


class SiameseMim(Script):
    repository = "none is official; an independent implementation, this repository at"

    def build(self, config):
        return Branches(config)

    def redraw(self, name, weight):
        # The average begins as a copy; it is moved away, so that a step of it can be seen.
        return weight + torch.randn_like(weight) * weight.std() * .3 if name.startswith("teacher.") else weight

    def inputs(self, config):
        batch, data = config["batch"], config["data"]
        patches = (data["imageSize"] // config["model"]["patchSize"]) ** 2
        return {"view/image": torch.randn(batch, data["channels"], data["imageSize"], data["imageSize"]), "draw/mask": torch.rand(batch, patches)}

    def step(self, model, inputs, progress):
        self.progress, self.kind = progress, model.kind
        loss, parts = model(inputs["view/image"], inputs["draw/mask"])
        return loss, parts, {}

    def groups(self, model, config):
        return adamw(timm_groups(model, config["optim"]["weightDecay"]), config["optim"])

    def after_update(self, model, config, step):
        if not hasattr(model, "teacher"): return
        first, last = config["method"]["momentum"]["from"], config["method"]["momentum"]["to"]
        kept = last - (last - first) * (math.cos(math.pi * self.progress) + 1) / 2
        own = dict(model.named_parameters())
        for name, value in model.teacher.named_parameters(): value.mul_(kept).add_(own[name] * (1 - kept))

    def rename(self, values):
        # MAE's names, whose parts stand at the top
        return {re.sub("^(en|de)coder\\.", "", name) if self.kind == "decoded" else name: value for name, value in values.items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    script = SiameseMim()
    script.kind = config["method"]["similarity"]
    record(script, args, config)
