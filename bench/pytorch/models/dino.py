"""DINO with a ViT in plain PyTorch: the peer that the bench compares with.

The method as in the paper (Caron et al. 2021, arXiv 2104.14294) and its official code, written anew for the bench with the blocks of
mae.py: crops of one size pass as one batch, positions are interpolated for small ones, the gradient of each tensor is clipped by itself,
the teacher and its centre move after they were used. Parameter names are Lacuna's, which are the official ones within an encoder and a head.
"""

import torch
from torch import nn
from torch.nn import functional as F

from models.mae import Block, PatchEmbed


class Encoder(nn.Module):
    """A ViT's class token after the final norm."""

    def __init__(self, shape, attention):
        super().__init__()
        width = shape["width"]
        self.patch, self.grid = shape["patchSize"], shape["imageSize"] // shape["patchSize"]
        self.patch_embed = PatchEmbed(self.patch, width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.grid**2, width))
        self.blocks = nn.Sequential(*(Block(width, shape["heads"], attention) for _ in range(shape["depth"])))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def positions(self, side):
        """For pictures of this side in patches: [1 1+side² D]"""
        if side == self.grid:
            return self.pos_embed
        first, rest = self.pos_embed[:, :1], self.pos_embed[:, 1:]
        square = rest.reshape(1, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        factor = (side + 0.1) / self.grid  # the official code's, against rounding
        resized = F.interpolate(square, scale_factor=(factor, factor), mode="bicubic")
        return torch.cat([first, resized.flatten(2).transpose(1, 2)], dim=1)

    def forward(self, image):
        """image [B 3 S S] -> [B D]"""
        tokens = torch.cat([self.cls_token.expand(len(image), -1, -1), self.patch_embed(image)], dim=1)
        return self.norm(self.blocks(tokens + self.positions(image.shape[-1] // self.patch)))[:, 0]


class Head(nn.Module):
    """An MLP, a unit vector, and its cosines with the rows of the last layer, whose lengths stay 1."""

    def __init__(self, shape):
        super().__init__()
        hidden, bottleneck = shape["hidden"], shape["bottleneck"]
        self.mlp = nn.Sequential(
            *(nn.Linear(shape["width"], hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU()),
            nn.Linear(hidden, bottleneck),
        )
        self.last_layer = nn.utils.weight_norm(nn.Linear(bottleneck, shape["outputs"], bias=False))
        self.last_layer.weight_g.requires_grad = False

    def forward(self, features):
        return self.last_layer(F.normalize(self.mlp(features), dim=-1))


class Branch(nn.Module):
    def __init__(self, shape, attention):
        super().__init__()
        self.encoder, self.projector = Encoder(shape, attention), Head(shape)

    def forward(self, groups):
        """Crops [n·B 3 s s], a batch for each size -> [V·B K]"""
        return self.projector(torch.cat([self.encoder(group) for group in groups]))


class Dino(Branch):
    """`shape` as the bench's cases state it. Weights are not initialised here: they are loaded by name."""

    def __init__(self, shape, attention):
        super().__init__(shape, attention)
        self.teacher = Branch(shape, attention).requires_grad_(False)
        self.register_buffer("centre", torch.zeros(1, shape["outputs"]))
        self.momentum, self.clip = shape["momentum"], shape["clipNorm"]
        self.large, self.temperatures = 2, (shape["studentTemperature"], shape["teacherTemperature"])

    @torch.no_grad()
    def before_update(self):
        for parameter in self.parameters():
            if parameter.grad is not None:
                factor = self.clip / (parameter.grad.norm(2) + 1e-6)
                if factor < 1:
                    parameter.grad.mul_(factor)

    @torch.no_grad()
    def after_step(self):
        student = dict(self.named_parameters())
        own, theirs = zip(*((value, student[name]) for name, value in self.teacher.named_parameters()))
        torch._foreach_lerp_(own, theirs, 1 - self.momentum)
        self.centre.mul_(0.9).add_(self.mean, alpha=0.1)

    def forward(self, large, small):
        """Crops one after the other [2·B 3 S S], [V·B 3 s s] -> the loss, a scalar."""
        with torch.no_grad():
            scores = self.teacher([large])
        answers = super().forward([large, small])
        return self.cross_entropy(answers, scores, len(large) // self.large)

    def cross_entropy(self, answers, scores, pictures):
        """Over all pairs of different crops, in float32."""
        with torch.autocast("cpu", enabled=False):
            tau, sharp = self.temperatures
            logs = F.log_softmax(answers.float() / tau, dim=-1).split(pictures)
            targets = F.softmax((scores.float() - self.centre) / sharp, dim=-1).split(pictures)
            terms = [-(q * log).sum(-1).mean() for i, q in enumerate(targets) for j, log in enumerate(logs) if i != j]
            self.mean = scores.float().mean(0, keepdim=True)  # for the centre, once the step is taken
            return sum(terms) / len(terms)
