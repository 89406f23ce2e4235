"""timm's VisionTransformer in training mode with stochastic depth: the draws that it made, what came out, gradients.
usage: python make_drop_path.py OUT.safetensors        (needs torch, timm, safetensors; made with torch 2.15.0)
`draws` [6 4]: of each branch that draws (two of each block whose rate is not 0, in order), 1 where the sample is kept."""
import json
import sys
from functools import partial

import timm
import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer

torch.manual_seed(0)
torch.set_num_threads(1)
config = dict(img_size=8, patch_size=4, embed_dim=16, depth=4, num_heads=2, num_classes=0, drop_path_rate=0.6)
model = VisionTransformer(**config, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6)).train()
with torch.no_grad():
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.05)

draws, plain = [], torch.Tensor.bernoulli_


def recorded(self, p=0.5, **rest):
    plain(self, p, **rest)
    draws.append(self.flatten().clone())
    return self


torch.Tensor.bernoulli_ = recorded
image, weight = torch.randn(4, 3, 8, 8), torch.randn(4, 5, 16)
tokens = model.forward_features(image)
(tokens * weight).sum().backward()
out = {"image": image, "weighting": weight, "tokens": tokens.detach(), "draws": torch.stack(draws)}
out |= {f"weight/{name}": value for name, value in model.state_dict().items()}
out |= {f"grad/{name}": p.grad for name, p in model.named_parameters() if name.endswith(("proj.weight", "norm1.bias"))}
rates = [0.0 if not hasattr(b.drop_path1, "drop_prob") else b.drop_path1.drop_prob for b in model.blocks]
save_file({k: v.contiguous() for k, v in out.items()}, sys.argv[1],
          metadata={"source": f"timm {timm.__version__}, torch {torch.__version__}",
                    "config": json.dumps(config), "rates": json.dumps(rates)})
print(sys.argv[1], out["draws"], rates)
