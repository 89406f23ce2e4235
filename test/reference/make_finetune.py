"""Fine-tuning of a tiny ViT by timm and torch: logits, soft-target loss, gradients, and parameters after three AdamW steps
with layer-wise decay, as facebookresearch/mae fine-tunes (main_finetune.py, util/lr_decay.py; mean-pooled patch tokens,
fc_norm, head). Writes finetune.safetensors beside this file. Needs torch, timm, safetensors from PyPI.

    python test/reference/make_finetune.py
"""
import functools
import json
import math
import pathlib

import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer

torch.manual_seed(0)
CLASSES, DEPTH, DECAY, RATE, WEIGHT_DECAY = 3, 2, 0.65, 0.01, 0.05


def scaled(name: str) -> float:
    """Layer id of `name` and its factor: the rule of the official code, written anew."""
    if name in ("cls_token", "pos_embed") or name.startswith("patch_embed"):
        layer = 0
    elif name.startswith("blocks."):
        layer = int(name.split(".")[1]) + 1
    else:
        layer = DEPTH + 1
    return DECAY ** (DEPTH + 1 - layer)


def model_of(pool: str) -> VisionTransformer:
    model = VisionTransformer(
        img_size=8, patch_size=4, embed_dim=8, depth=DEPTH, num_heads=2, num_classes=CLASSES,
        global_pool="avg" if pool == "mean" else "token", fc_norm=pool == "mean",
        norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-6),
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3 + (1 if parameter.ndim == 1 else 0) * 0.1)
    return model


tensors: dict[str, torch.Tensor] = {}
images = torch.randn(4, 3, 8, 8)
targets = torch.softmax(torch.randn(4, CLASSES), -1)
tensors["images"], tensors["targets"] = images, targets
losses: dict[str, list[float]] = {}
for pool in ("mean", "class"):
    model = model_of(pool)
    for name, value in model.state_dict().items():
        tensors[f"{pool}/before/{name}"] = value.clone()
    groups = [
        {"params": [p], "lr": RATE * scaled(n),
         "weight_decay": 0.0 if p.ndim == 1 or n in ("cls_token", "pos_embed") else WEIGHT_DECAY}
        for n, p in model.named_parameters()
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999))
    losses[pool] = []
    for step in range(3):
        logits = model(images)
        loss = torch.sum(-targets * torch.log_softmax(logits, -1), -1).mean()
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            tensors[f"{pool}/logits"] = logits.detach().clone()
            for name, parameter in model.named_parameters():
                tensors[f"{pool}/gradient/{name}"] = parameter.grad.clone()
        optimizer.step()
        losses[pool].append(loss.item())
    for name, value in model.state_dict().items():
        tensors[f"{pool}/after/{name}"] = value.clone()

# Batch norm without weight and bias before a linear layer, as MAE probes: two steps of statistics, then evaluation.
norm = torch.nn.BatchNorm1d(3, affine=False, eps=1e-6)
batches = torch.randn(3, 5, 3) * torch.tensor([1.0, 2.0, 0.1]) + torch.tensor([0.0, 3.0, -1.0])
tensors["norm/batches"] = batches
x = batches[0].clone().requires_grad_(True)
first = norm(x)
weights = torch.randn(5, 3)
(first * weights).sum().backward()
tensors["norm/weights"], tensors["norm/first"], tensors["norm/gradient"] = weights, first.detach(), x.grad
norm(batches[1])
norm.eval()
tensors["norm/mean"], tensors["norm/var"] = norm.running_mean.clone(), norm.running_var.clone()
tensors["norm/evaluated"] = norm(batches[2])
assert not any(math.isnan(value) for values in losses.values() for value in values)
tensors = {name: value.contiguous().clone() for name, value in tensors.items()}
meta = {"losses": json.dumps(losses), "torch": torch.__version__}
save_file(tensors, pathlib.Path(__file__).with_name("finetune.safetensors"), metadata=meta)
