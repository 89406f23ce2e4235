"""Reference numbers of timm's VisionTransformer: weights, images, tokens after the final norm, pooled features.
usage: python make_vit.py OUT.safetensors        (needs torch, timm, safetensors; made with torch 2.15.0)
Sizes are small so that the file is; positions are learned there, so they travel with the weights. float32, CPU."""
import json
import sys
from functools import partial

import timm
import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer

torch.manual_seed(0)
torch.set_num_threads(1)
config = dict(img_size=(24, 32), patch_size=8, embed_dim=48, depth=3, num_heads=4, num_classes=0)
model = VisionTransformer(**config, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6)).eval()
with torch.no_grad():
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.05)
image = torch.randn(2, 3, 24, 32)
with torch.no_grad():
    tokens = model.forward_features(image)
out = {"image": image, "tokens": tokens, "features": tokens[:, 1:].mean(1)}
out |= {f"weight/{name}": value for name, value in model.state_dict().items()}
save_file({k: v.contiguous() for k, v in out.items()}, sys.argv[1],
          metadata={"source": f"timm {timm.__version__}, torch {torch.__version__}", "config": json.dumps(config)})
print(sys.argv[1], len(out), tokens.shape)
