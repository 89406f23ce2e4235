"""MoCo v3 with a ViT in plain PyTorch: the peer that the bench compares with.

The method as in the paper (Chen et al. 2021, arXiv 2104.02057) and its official code, written anew for the bench with the blocks
of mae.py: the views pass one after the other, the teacher moves before it makes the keys, heads are MLPs with batch norm.
Parameter names are Lacuna's, which are the official ones within an encoder and a head.
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
        patches = (shape["imageSize"] // shape["patchSize"]) ** 2
        self.patch_embed = PatchEmbed(shape["patchSize"], width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + patches, width), requires_grad=False)
        self.blocks = nn.Sequential(*(Block(width, shape["heads"], attention) for _ in range(shape["depth"])))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.patch_embed.requires_grad_(False)  # section 4.2

    def forward(self, image):
        """image [B 3 S S] -> [B D]"""
        tokens = torch.cat([self.cls_token.expand(len(image), -1, -1), self.patch_embed(image)], dim=1)
        return self.norm(self.blocks(tokens + self.pos_embed))[:, 0]


def head(widths):
    """Linear layers without bias, batch norm and ReLU between them, batch norm without weight and bias at the end."""
    layers = []
    for before, width in zip(widths[:-2], widths[1:-1]):
        layers += [nn.Linear(before, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(inplace=True)]
    last = [nn.Linear(*widths[-2:], bias=False), nn.BatchNorm1d(widths[-1], affine=False)]
    return nn.Sequential(*layers, *last)


class Branch(nn.Module):
    """An encoder with its projector: the student's, and the teacher's."""

    def __init__(self, shape, attention):
        super().__init__()
        self.encoder = Encoder(shape, attention)
        self.projector = head([shape["width"], shape["hidden"], shape["hidden"], shape["output"]])

    def forward(self, image):
        return self.projector(self.encoder(image))


class MocoV3(Branch):
    """`shape` as the bench's cases state it. Weights are not initialised here: they are loaded by name."""

    def __init__(self, shape, attention):
        super().__init__(shape, attention)
        self.predictor = head([shape["output"], shape["hidden"], shape["output"]])
        self.teacher = Branch(shape, attention).requires_grad_(False)
        self.temperature, self.momentum = shape["temperature"], shape["momentum"]

    @torch.no_grad()
    def move_teacher(self):
        """As an exponential average of the student's parameters; batch statistics are each one's own."""
        student = dict(self.named_parameters())
        own, theirs = zip(*((value, student[name]) for name, value in self.teacher.named_parameters()))
        torch._foreach_lerp_(own, theirs, 1 - self.momentum)

    def contrast(self, queries, keys):
        """2τ times the cross-entropy of each query's own key among all, in float32."""
        with torch.autocast("cpu", enabled=False):
            cosines = F.normalize(queries.float(), dim=1) @ F.normalize(keys.float(), dim=1).T
            own = torch.arange(len(queries))
            return 2 * self.temperature * F.cross_entropy(cosines / self.temperature, own)

    def forward(self, first, second):
        """Two views [B 3 S S] -> the loss, a scalar. The teacher has been moved before."""
        with torch.no_grad():
            k1, k2 = self.teacher(first), self.teacher(second)
        q1, q2 = self.predictor(super().forward(first)), self.predictor(super().forward(second))
        return self.contrast(q1, k2) + self.contrast(q2, k1)
