"""Reference numbers of timm's Beit: weights, images, tokens after the final norm, and the gradients of a weighted sum of them.
usage: python make_beit_vit.py --config '{"shared": true, "layer_scale": 0.1, "absolute": false}' --out OUT.safetensors
  [--size 24 32] [--patch 8] [--width 16] [--depth 2] [--heads 2]        (needs torch, timm, safetensors)
Weights are moved off their first values, tables of relative positions too, which begin at zero. float32, CPU, attention written out."""
import argparse, json, os
os.environ["TIMM_FUSED_ATTN"] = "0"
import timm, torch
from safetensors.torch import save_file
from timm.models.beit import Beit

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--config", required=True, type=json.loads)
parser.add_argument("--out", required=True)
parser.add_argument("--size", type=int, nargs=2, default=[24, 32])
for name, value in (("patch", 8), ("width", 16), ("depth", 2), ("heads", 2)): parser.add_argument(f"--{name}", type=int, default=value)
args = parser.parse_args()
torch.manual_seed(0); torch.set_num_threads(1)
config = args.config
model = Beit(img_size=tuple(args.size), patch_size=args.patch, embed_dim=args.width, depth=args.depth, num_heads=args.heads, num_classes=0,
             global_pool="token", qkv_bias=True, init_values=config["layer_scale"], use_abs_pos_emb=config["absolute"],
             use_shared_rel_pos_bias=config["shared"], use_rel_pos_bias=not config["shared"]).eval()
with torch.no_grad():
    for name, parameter in model.named_parameters():
        parameter.add_(torch.randn_like(parameter) * (0.5 if "relative" in name else 0.05))
image, weighting = torch.randn(2, 3, *args.size), torch.randn(2, 1 + model.patch_embed.num_patches, args.width)
tokens = model.forward_features(image)
(tokens * weighting).sum().backward()
out = {"image": image, "weighting": weighting, "tokens": tokens}
out |= {f"weight/{name}": value for name, value in model.state_dict().items()}
out |= {f"grad/{name}": value.grad for name, value in model.named_parameters()}
save_file({k: v.detach().contiguous().clone() for k, v in out.items()}, args.out, metadata={
    "source": f"timm {timm.__version__}, torch {torch.__version__}", "config": json.dumps(config | {k: getattr(args, k) for k in ("size", "patch", "width", "depth", "heads")})})
print(args.out, len(out), os.path.getsize(args.out))
