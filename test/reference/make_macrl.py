"""MACRL (arXiv 2211.06012), an independent small implementation in plain PyTorch: no official code is public. It follows the reading that
docs/methods/macrl.md states, branch by branch, with mask tokens put back by scatter and L1 written out over all patches. Transformer blocks
are timm's. See official.py for usage; --official is a checkout of this repository, whose commit is written down."""
from functools import partial
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import Block
from torch import nn
from official import Script, adamw, arguments, record, timm_groups


class Branches(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.method, model, data = config["method"], config["model"], config["data"]
        decoder, projector = self.method["decoder"], self.method["projector"]
        self.patch, channels, width = model["patchSize"], data["channels"], model["width"]
        self.patches, d = (data["imageSize"] // self.patch) ** 2, decoder["width"]
        norm = partial(nn.LayerNorm, eps=1e-6)
        block = lambda side, heads, ratio: Block(side, heads, mlp_ratio=ratio, qkv_bias=True, norm_layer=norm)
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * .02)
        self.pos_embed = nn.Parameter(torch.randn(1, 1 + self.patches, width) * .1, requires_grad=False)
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(channels, width, self.patch, self.patch)})
        self.blocks = nn.ModuleList([block(width, model["heads"], model["mlpRatio"]) for _ in range(model["depth"])])
        self.norm = norm(width)
        self.decoder_embed = nn.Linear(width, d)
        self.mask_token = nn.Parameter(torch.randn(1, 1, d) * .02)
        self.decoder_pos_embed = nn.Parameter(torch.randn(1, 1 + self.patches, d) * .1, requires_grad=False)
        self.decoder_blocks = nn.ModuleList([block(d, decoder["heads"], decoder["mlpRatio"]) for _ in range(decoder["depth"])])
        self.decoder_norm = norm(d)
        self.decoder_pred = nn.Linear(d, channels * self.patch ** 2)
        self.projector = nn.Sequential(nn.Linear(width, projector["hidden"], bias=False), nn.BatchNorm1d(projector["hidden"]), nn.ReLU(),
            nn.Linear(projector["hidden"], projector["output"], bias=False))
        self.bank = nn.Module()
        self.bank.register_buffer("keys", F.normalize(torch.randn(self.method["bank"], projector["output"])))

    def branch(self, image, wanted, noise, ratio):
        """-> mean feature of the visible patches [B D], mean absolute error of the hidden ones"""
        B, N = len(image), self.patches
        visible = noise.argsort(1)[:, :int(N * (1 - ratio))]
        rows = torch.arange(B)[:, None]
        tokens = self.patch_embed["proj"](image).flatten(2).transpose(1, 2) + self.pos_embed[:, 1:]
        x = torch.cat([(self.cls_token + self.pos_embed[:, :1]).expand(B, -1, -1), tokens[rows, visible]], 1)
        for layer in self.blocks: x = layer(x)
        x = self.norm(x)
        feature, y = x[:, 1:].mean(1), self.decoder_embed(x)
        whole = self.mask_token.repeat(B, N, 1)
        whole[rows, visible] = y[:, 1:]
        z = torch.cat([y[:, :1], whole], 1) + self.decoder_pos_embed
        for layer in self.decoder_blocks: z = layer(z)
        predicted = self.decoder_pred(self.decoder_norm(z))[:, 1:]
        p = self.patch
        target = F.unfold(wanted, p, stride=p).transpose(1, 2).unflatten(2, (-1, p, p)).permute(0, 1, 3, 4, 2).flatten(2)  # channels last
        if self.method["normalizeTargets"]: target = (target - target.mean(-1, True)) / (target.var(-1, keepdim=True) + 1e-6).sqrt()
        hidden = torch.ones(B, N).scatter(1, visible, 0.)
        return feature, ((predicted - target).abs().mean(-1) * hidden).sum() / hidden.sum()


class Macrl(Script):
    repository = "none is official; an independent implementation, this repository at"

    def build(self, config):
        self.method, self.taken = config["method"], 0
        return Branches(config)

    def redraw(self, name, weight):
        return F.normalize(weight) if name == "bank.keys" else weight

    def inputs(self, config):
        batch, data = config["batch"], config["data"]
        patches = (data["imageSize"] // config["model"]["patchSize"]) ** 2
        views = {f"view/{name}": torch.randn(batch, data["channels"], data["imageSize"], data["imageSize"]) for name in ("clean", "image", "weak")}
        return {**views, "draw/mask": torch.rand(batch, patches), "draw/weak": torch.rand(batch, patches)}

    def step(self, model, inputs, progress):
        method = self.method
        seen, strong = model.branch(inputs["view/image"], inputs["view/clean"], inputs["draw/mask"], method["maskRatio"])
        other, weak = model.branch(inputs["view/weak"], inputs["view/weak"], inputs["draw/weak"], method["weakMaskRatio"])
        with torch.no_grad(): keys = F.normalize(model.projector(other.detach()))
        query = F.normalize(model.projector(seen))
        scores = torch.cat([(query * keys).sum(1, keepdim=True), query @ model.bank.keys.clone().T], 1) / method["temperature"]
        contrast = -(scores[:, 0] - scores.logsumexp(1)).mean()
        self.keys = keys
        return contrast + method["reconstructionWeight"] * (strong + weak), {"contrast": contrast, "strong": strong, "weak": weak}, {}

    def after_update(self, model, config, step):
        first = step * len(self.keys) % len(model.bank.keys)
        model.bank.keys[first:first + len(self.keys)] = self.keys

    def groups(self, model, config):
        return adamw(timm_groups(model, config["optim"]["weightDecay"]), config["optim"])


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(Macrl(), args, config)
