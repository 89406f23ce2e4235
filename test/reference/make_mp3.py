"""MP3 (arXiv 2207.07611), an independent small implementation in plain PyTorch: no official code for pictures is public. Every patch is content
without a position; queries are of all tokens, keys and values of the class token and of a random context, which is gathered again from each
block's own input. See official.py for usage; --official is a checkout of this repository, whose commit is written down."""
import torch
import torch.nn.functional as F
from torch import nn
from official import Script, adamw, arguments, record, timm_groups


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x, context):
        """x [B T D], context [B T] bool: which tokens give keys and values"""
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        scores = q @ k.mT / q.shape[-1] ** .5
        weights = scores.masked_fill(~context[:, None, None], -torch.inf).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width, heads, ratio):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, int(width * ratio)), "fc2": nn.Linear(int(width * ratio), width)})

    def forward(self, x, context):
        x = x + self.attn(self.norm1(x), context)
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class Encoder(nn.Module):
    def __init__(self, model, data):
        super().__init__()
        width, patch = model["width"], model["patchSize"]
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * .02)
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(data["channels"], width, patch, patch)})
        self.blocks = nn.ModuleList([Block(width, model["heads"], model["mlpRatio"]) for _ in range(model["depth"])])
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, image, context):
        x = self.patch_embed["proj"](image).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1)
        context = F.pad(context, (1, 0), value=True)
        for block in self.blocks: x = block(x, context)
        return self.norm(x)[:, 1:]


class Positions(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.encoder = Encoder(config["model"], config["data"])
        self.side = config["data"]["imageSize"] // config["model"]["patchSize"]
        self.head = nn.Linear(config["model"]["width"], self.side ** 2)

    def forward(self, image, noise, ratio, sigma):
        N = self.side ** 2
        order = noise.argsort(1)
        context = torch.zeros_like(noise, dtype=torch.bool).scatter(1, order[:, :int(N * (1 - ratio))], True)
        logits = self.head(self.encoder(image, context))
        place = torch.stack(torch.meshgrid(*2 * [torch.arange(self.side, dtype=logits.dtype)], indexing="ij"), -1).flatten(0, 1)  # [N 2]
        distance = torch.cdist(place, place)
        target = torch.eye(N, dtype=logits.dtype) if sigma == 0 else (-distance / sigma ** 2).exp()
        loss = -(target / target.sum(1, keepdim=True) * logits.log_softmax(-1)).sum(-1).mean()
        told = logits.argmax(-1)  # [B N]
        apart = (place[told] - place).norm(dim=-1)  # [B N]
        return loss, {"accuracy": (apart == 0).to(loss.dtype).mean(), "nearby": (apart < 1.01).to(loss.dtype).mean()}


class Mp3(Script):
    repository = "none for pictures is official; an independent implementation, this repository at"

    def build(self, config):
        self.method = config["method"]
        return Positions(config)

    def inputs(self, config):
        batch, data = config["batch"], config["data"]
        patches = (data["imageSize"] // config["model"]["patchSize"]) ** 2
        return {"view/image": torch.randn(batch, data["channels"], data["imageSize"], data["imageSize"]), "draw/mask": torch.rand(batch, patches)}

    def step(self, model, inputs, progress):
        return *model(inputs["view/image"], inputs["draw/mask"], self.method["maskRatio"], self.method["smoothing"]), {}

    def groups(self, model, config):
        return adamw(timm_groups(model, config["optim"]["weightDecay"]), config["optim"])


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(Mp3(), args, config)
