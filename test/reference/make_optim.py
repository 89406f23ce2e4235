"""Optimisers, clipping and averages of PyTorch over a few steps. usage: python make_optim.py > optim.json   (torch 2.15)

Parameters and gradients are formulas that the test repeats: value i of parameter p is sin(i + 10 p) / 2, its gradient at step t
is cos(0.7 i + 1.3 t + p) / 3, both rounded to float32. Parameter 2 has no gradient at step 1.
"""
import json
import math
import torch

SHAPES = [[3, 4], [4], [2, 2]]
RATES = [0.01, 0.02, 0.03, 0.02, 0.01, 0.005]


def fill(shape, value):
    count = math.prod(shape)
    return torch.tensor([value(i) for i in range(count)], dtype=torch.float32).reshape(shape)


def parameters():
    return [torch.nn.Parameter(fill(s, lambda i, p=p: math.sin(i + 10 * p) / 2)) for p, s in enumerate(SHAPES)]


def set_gradients(params, t):
    for p, param in enumerate(params):
        param.grad = None if (p == 2 and t == 1) else fill(SHAPES[p], lambda i, p=p: math.cos(0.7 * i + 1.3 * t + p) / 3)


def run(make):
    params = parameters()
    optimizer = make(params)
    scales = [group["lr"] for group in optimizer.param_groups]
    for t, rate in enumerate(RATES):
        for group, scale in zip(optimizer.param_groups, scales):
            group["lr"] = rate * scale
        set_gradients(params, t)
        optimizer.step()
    return [p.flatten().tolist() for p in params]


def two_groups(params, decay):
    return [{"params": [params[0], params[2]], "weight_decay": decay, "lr": 0.5}, {"params": [params[1]], "weight_decay": 0.0, "lr": 1.0}]


def clipped(maximum):
    params = parameters()
    set_gradients(params, 1)
    norm = torch.nn.utils.clip_grad_norm_(params, maximum)
    return {"maximum": maximum, "norm": norm.item(), "gradients": [None if p.grad is None else p.grad.flatten().tolist() for p in params]}


def averaged(decay, steps):
    params = parameters()
    holder = torch.nn.ParameterList(params)
    average = torch.optim.swa_utils.AveragedModel(holder, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay))
    average.update_parameters(holder)  # the first update copies
    for t in range(steps):
        with torch.no_grad():
            for param in params:
                param.add_(t + 1.0)
        average.update_parameters(holder)
    return [p.flatten().tolist() for p in average.module.parameters()]


SGD = {
    "plain": dict(momentum=0.0, nesterov=False, weight_decay=0.1),
    "momentum": dict(momentum=0.9, nesterov=False, weight_decay=0.1),
    "nesterov": dict(momentum=0.8, nesterov=True, weight_decay=0.05),
}
print(json.dumps({
    "rates": RATES,
    "shapes": SHAPES,
    "adamw": run(lambda p: torch.optim.AdamW(two_groups(p, 0.3), betas=(0.9, 0.95), eps=1e-8)),
    "sgd": {name: {"options": o, "after": run(lambda p, o=o: torch.optim.SGD(two_groups(p, o["weight_decay"]), momentum=o["momentum"], nesterov=o["nesterov"]))} for name, o in SGD.items()},
    "clip": [clipped(0.5), clipped(100.0)],
    "average": {"decay": 0.9, "steps": 4, "after": averaged(0.9, 4)},
}))
