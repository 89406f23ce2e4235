"""FCMAE with a ConvNeXt V2 in plain PyTorch: the peer that the bench compares with.

Architecture and parameter names as in the paper (Woo et al. 2023, arXiv 2301.00808) and its official code, written anew for the
bench. Dense: hidden positions are zero wherever positions meet, in the depthwise convolution and in the norm of the response
normalisation, which is each image's own. A block is written as timm writes it: the depthwise convolution of [B C H W], all
else of [B H W C], so that the layout of the weights and the image decides which of the two costs copies.
"""

import torch
from torch import nn
from torch.nn import functional as F


class GlobalResponseNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, 1, width))
        self.beta = nn.Parameter(torch.zeros(1, 1, 1, width))

    def forward(self, x, visible):
        """x [B H W C], visible [B H W 1] or None -> [B H W C]"""
        size = (x if visible is None else x * visible).norm(p=2, dim=(1, 2), keepdim=True)
        ratio = size / (size.mean(dim=-1, keepdim=True) + 1e-6)
        return x + torch.addcmul(self.beta, self.gamma, x * ratio)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, kernel_size=7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.act = nn.GELU()
        self.grn = GlobalResponseNorm(4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)

    def forward(self, x, visible=None):
        """x [B C H W], visible [B 1 H W] or None -> [B C H W]"""
        branch = self.dwconv(x if visible is None else x * visible).permute(0, 2, 3, 1)
        branch = self.act(self.pwconv1(self.norm(branch)))
        branch = self.grn(branch, None if visible is None else visible.permute(0, 2, 3, 1))
        return x + self.pwconv2(branch).permute(0, 3, 1, 2)


class LayerNorm2d(nn.LayerNorm):
    """Over the channels of [B C H W]."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvolutionalMaskedAutoencoder(nn.Module):
    """`shape` as the bench's cases state it. Weights are not initialised here: they are loaded by name."""

    def __init__(self, shape):
        super().__init__()
        widths, depths, narrow = shape["widths"], shape["depths"], shape["decoderWidth"]
        self.cell = 8 * shape["stem"]
        self.grid = shape["imageSize"] // self.cell
        self.kept = int(self.grid**2 * (1 - shape["maskRatio"]))
        stem = nn.Sequential(nn.Conv2d(3, widths[0], shape["stem"], stride=shape["stem"]), LayerNorm2d(widths[0], eps=1e-6))
        between = [
            nn.Sequential(LayerNorm2d(before, eps=1e-6), nn.Conv2d(before, width, 2, stride=2))
            for before, width in zip(widths, widths[1:])
        ]
        self.downsample_layers = nn.ModuleList([stem, *between])
        self.stages = nn.ModuleList(
            nn.ModuleList(Block(width) for _ in range(depth)) for width, depth in zip(widths, depths)
        )
        self.norm = nn.LayerNorm(widths[-1], eps=1e-6).requires_grad_(False)  # the classifier's, not used here
        self.proj = nn.Conv2d(widths[-1], narrow, 1)
        self.mask_token = nn.Parameter(torch.zeros(1, narrow, 1, 1))
        self.decoder = nn.ModuleList(Block(narrow) for _ in range(shape["decoderDepth"]))
        self.pred = nn.Conv2d(narrow, self.cell**2 * 3, 1)

    def hidden_cells(self, noise):
        """noise [B N] -> 1 = hidden [B N]: the cells with the smallest values stay visible."""
        return (noise.argsort(dim=1).argsort(dim=1) >= self.kept).float()

    def encode(self, image, visible):
        """image [B 3 S S], visible [B 1 h w] -> map [B D h w]"""
        x = image
        for downsample, blocks in zip(self.downsample_layers, self.stages):
            x = downsample(x)
            scale = x.shape[2] // self.grid
            seen = visible.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)
            for block in blocks:
                x = block(x, seen)
        return x

    def decode(self, latent, hidden):
        """map [B D h w], hidden [B 1 h w] -> predictions of all cells [B N P]"""
        x = self.proj(latent)
        x = torch.where(hidden.bool(), self.mask_token.to(x.dtype), x)
        for block in self.decoder:
            x = block(x)
        return self.pred(x).flatten(2).transpose(1, 2)

    def targets(self, image):
        """image [B 3 S S] -> its cells, each normalised by its own mean and unbiased variance [B N P]"""
        B, side, p = len(image), self.grid, self.cell
        cells = image.reshape(B, 3, side, p, side, p).permute(0, 2, 4, 3, 5, 1)
        patches = cells.reshape(B, side * side, p * p * 3)
        mean = patches.mean(dim=-1, keepdim=True)
        variance = patches.var(dim=-1, keepdim=True)
        return (patches - mean) / (variance + 1e-6) ** 0.5

    def forward(self, image, noise):
        """The squared error over the hidden cells, a scalar."""
        mask = self.hidden_cells(noise)
        hidden = mask.reshape(-1, 1, self.grid, self.grid)
        error = (self.decode(self.encode(image, 1 - hidden), hidden) - self.targets(image)) ** 2
        return (error.mean(dim=-1) * mask).sum() / mask.sum()
