"""A masked autoencoder in plain PyTorch: the peer that the bench compares with.

Architecture, parameter names and order of work as in the paper (He et al. 2021, arXiv 2111.06377) and its official
PyTorch code: all patches are embedded by a convolution and then gathered, the decoder predicts all patches, and the
loss is masked afterwards. Written anew for the bench; nothing is tuned but the choice of the attention, which is
the caller's: "fused" is F.scaled_dot_product_attention, as in today's timm; "products" is softmax(q k^T) v written
out, as in timm 0.3.2, which the official code asks for.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    def __init__(self, width, heads, kind):
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.kind = kind
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        B, N, D = x.shape
        q, k, v = self.qkv(x).reshape(B, N, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        if self.kind == "fused":
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed = ((q * self.scale) @ k.transpose(-2, -1)).softmax(dim=-1) @ v
        return self.proj(mixed.transpose(1, 2).reshape(B, N, D))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width, heads, kind):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads, kind)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, 4 * width)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, patch, width):
        super().__init__()
        self.proj = nn.Conv2d(3, width, kernel_size=patch, stride=patch)

    def forward(self, image):
        return self.proj(image).flatten(2).transpose(1, 2)


class MaskedAutoencoder(nn.Module):
    """`shape` as the bench's cases state it. Weights are not initialised here: they are loaded by name."""

    def __init__(self, shape, attention):
        super().__init__()
        width, narrow = shape["width"], shape["decoderWidth"]
        self.patch = shape["patchSize"]
        self.patches = (shape["imageSize"] // self.patch) ** 2
        self.kept = int(self.patches * (1 - shape["maskRatio"]))
        self.patch_embed = PatchEmbed(self.patch, width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.patches, width), requires_grad=False)
        self.blocks = nn.ModuleList(Block(width, shape["heads"], attention) for _ in range(shape["depth"]))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.decoder_embed = nn.Linear(width, narrow)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, narrow))
        self.decoder_pos_embed = nn.Parameter(torch.zeros(1, 1 + self.patches, narrow), requires_grad=False)
        self.decoder_blocks = nn.ModuleList(
            Block(narrow, shape["decoderHeads"], attention) for _ in range(shape["decoderDepth"])
        )
        self.decoder_norm = nn.LayerNorm(narrow, eps=1e-6)
        self.decoder_pred = nn.Linear(narrow, self.patch**2 * 3)

    def encode(self, image, noise):
        """image [B 3 S S], noise [B N] -> latent [B 1+K D], mask [B N] (1 = hidden), restore [B N]"""
        tokens = self.patch_embed(image) + self.pos_embed[:, 1:]
        order = torch.argsort(noise, dim=1)
        restore = torch.argsort(order, dim=1)
        keep = order[:, : self.kept]
        visible = torch.gather(tokens, 1, keep.unsqueeze(-1).expand(-1, -1, tokens.shape[2]))
        mask = torch.ones_like(noise)
        mask[:, : self.kept] = 0
        mask = torch.gather(mask, 1, restore)
        first = (self.cls_token + self.pos_embed[:, :1]).expand(len(image), -1, -1)
        x = torch.cat([first, visible], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x), mask, restore

    def decode(self, latent, restore):
        """latent [B 1+K D] -> predictions of all patches [B N P]"""
        x = self.decoder_embed(latent)
        hidden = self.mask_token.expand(len(x), self.patches - self.kept, -1)
        tokens = torch.cat([x[:, 1:], hidden], dim=1)
        tokens = torch.gather(tokens, 1, restore.unsqueeze(-1).expand(-1, -1, x.shape[2]))
        x = torch.cat([x[:, :1], tokens], dim=1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x = block(x)
        return self.decoder_pred(self.decoder_norm(x))[:, 1:]

    def targets(self, image):
        """image [B 3 S S] -> its patches, each normalised by its own mean and unbiased variance [B N P]"""
        B, side, p = len(image), image.shape[2] // self.patch, self.patch
        cells = image.reshape(B, 3, side, p, side, p).permute(0, 2, 4, 3, 5, 1)
        patches = cells.reshape(B, side * side, p * p * 3)
        mean = patches.mean(dim=-1, keepdim=True)
        variance = patches.var(dim=-1, keepdim=True)
        return (patches - mean) / (variance + 1e-6) ** 0.5

    def forward(self, image, noise):
        """The squared error over the hidden patches, a scalar."""
        latent, mask, restore = self.encode(image, noise)
        error = (self.decode(latent, restore) - self.targets(image)) ** 2
        return (error.mean(dim=-1) * mask).sum() / mask.sum()
