"""A momentum copy of a part of a network alone (Pham et al. 2022, arXiv 2208.05744), by its definition: no code of the paper is public. What is
not an average is the student's own module, called with its own weights without a gradient (`functional_call`), so that there is nothing to
copy. The host is MoCo v3 by facebookresearch/moco-v3 (heads, loss, schedule of its builder), or SimCLR with lightly's heads, whose keys are the
copy's projections of both views: NT-Xent as the paper's equation 1 has it, written out. `--official` is the host's checkout. See official.py for usage."""
import copy, math
from functools import partial
import torch
from official import Script, adamw, arguments, one_process, record
from siamese_peers import backbone


class Network(torch.nn.Module):
    """f, g, h, and copies of f and g of which only what is in scope is ever read or moved; batch norms of the copies have statistics of their own."""
    def __init__(self, encoder, projector, predictor):
        super().__init__()
        self.encoder, self.projector, self.predictor = encoder, projector, predictor
        self.teacher = torch.nn.ModuleDict({"encoder": copy.deepcopy(encoder), "projector": copy.deepcopy(projector)}).requires_grad_(False)


def layer_of(name, depths):
    """0: before the first block; i: in block i; more than there are: behind the last"""
    parts = name.split(".")
    if parts[0] == "blocks": return 1 + int(parts[1])
    if parts[0].startswith("layer"): return 1 + sum(depths[:int(parts[0][5:]) - 1]) + int(parts[1])
    return 0 if parts[0] in ("conv1", "bn1", "patch_embed", "cls_token", "pos_embed") else 10**6


class Momentum(Script):
    def __init__(self, config):
        self.host, self.target = config["method"]["name"], config["method"]["target"]
        self.repository = {"mocoV3": "facebookresearch/moco-v3", "simclr": "lightly-ai/lightly"}[self.host]
        model = config["model"]
        self.depths = model.get("depths", [model.get("depth", 0)])

    def build(self, config):
        model, method, data = config["model"], config["method"], config["data"]
        head = method["projector"]
        if self.host == "mocoV3":
            import moco.builder, vits
            vit = partial(vits.VisionTransformerMoCo, stop_grad_conv1=True, img_size=data["imageSize"], patch_size=model["patchSize"], embed_dim=model["width"],
                          depth=model["depth"], num_heads=model["heads"], mlp_ratio=model["mlpRatio"], qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6))
            whole = moco.builder.MoCo_ViT(vit, head["output"], head["hidden"], method["temperature"])
            encoder, projector = whole.base_encoder, whole.base_encoder.head
            encoder.head = torch.nn.Identity()
            self.contrast = whole.contrastive_loss
            return Network(encoder, projector, whole.predictor)
        from lightly.models.modules import SimCLRProjectionHead
        encoder, width = backbone(config)
        projector = SimCLRProjectionHead(width, width, head["output"], num_layers=2).layers
        projector[-1].register_parameter("bias", None)
        return Network(encoder, projector, torch.nn.Identity())

    def is_average(self, part, name):
        scope, layers = self.target["scope"], self.target.get("layers", 1)
        if part == "projector": return scope != "first"
        layer, depth = layer_of(name, self.depths), sum(self.depths)
        return {"projector": False, "last": layer > depth - layers, "first": layer <= layers}[scope]

    def redraw(self, name, weight):
        return weight + torch.randn_like(weight) * weight.std() * .3 if name.startswith("teacher.") else weight

    def inputs(self, config):
        shape = (config["batch"], config["data"]["channels"], config["data"]["imageSize"], config["data"]["imageSize"])
        base = torch.randn(shape)
        return {"view/first": base + torch.randn(shape) * .5, "view/second": base + torch.randn(shape) * .5}

    def of_copy(self, model, part, x):
        own, student = model.teacher[part], getattr(model, part)
        theirs = dict(student.named_parameters())
        weights = {k: p if self.is_average(part, k) else theirs[k].detach() for k, p in own.named_parameters()}
        with torch.no_grad(): return torch.func.functional_call(own, weights, (x,))

    def keys(self, model, x, features):
        shared = self.target["route"] == "shared"
        return self.of_copy(model, "projector", features.detach() if shared else self.of_copy(model, "encoder", x))

    @torch.no_grad()
    def follow(self, model, m):
        for part in ("encoder", "projector"):
            theirs = dict(getattr(model, part).named_parameters())
            for k, p in model.teacher[part].named_parameters():
                if self.is_average(part, k): p.copy_(p * m + theirs[k] * (1 - m))

    def momentum(self, config, progress):
        ramp = config["method"]["momentum"] if self.host == "mocoV3" else self.target["momentum"]
        return 1 - .5 * (1 + math.cos(math.pi * progress)) * (1 - ramp["from"])

    def step(self, model, inputs, progress):
        views = [inputs["view/first"], inputs["view/second"]]
        if self.host == "mocoV3":
            self.follow(model, self.momentum(self.config, progress))  # MoCo v3's order
            h = [model.encoder(x) for x in views]
            k = [self.keys(model, x, f) for x, f in zip(views, h)]
            q = [model.predictor(model.projector(f)) for f in h]
            return self.contrast(q[0], k[1]) + self.contrast(q[1], k[0]), {}, {}
        self.progress = progress
        x = torch.cat(views)
        h = model.encoder(x)
        return self.nt_xent(model.projector(h), self.keys(model, x, h)), {}, {}

    def nt_xent(self, z, keys):
        z, k = (torch.nn.functional.normalize(v, dim=1) for v in (z, keys))
        n, s = len(z), z @ k.T / self.config["method"]["temperature"]
        return torch.stack([torch.logsumexp(torch.stack([s[i, j] for j in range(n) if j != i]), 0) - s[i, (i + n // 2) % n] for i in range(n)]).mean()

    def after_update(self, model, config, step):
        if self.host == "simclr": self.follow(model, self.momentum(config, self.progress))

    def groups(self, model, config):
        optim, trained = config["optim"], [p for p in model.parameters() if p.requires_grad]
        if optim["name"] == "adamw": return adamw(trained, optim)
        matrices, vectors = [p for p in trained if p.ndim > 1], [p for p in trained if p.ndim <= 1]
        return torch.optim.SGD([{"params": matrices}, {"params": vectors, "weight_decay": 0}], .1, momentum=optim["momentum"], weight_decay=optim["weightDecay"])

    def rename(self, values):
        """What is no average stands in the file as the student's weight; a projector behind shared features has no encoder beside it."""
        shown = {}
        for name, value in values.items():
            part, _, own = name.removeprefix("teacher.").partition(".")
            if name.startswith("teacher."):
                if part == "encoder" and self.target["route"] == "shared": continue
                if "running_" not in own and "num_batches" not in own and not self.is_average(part, own): value = values[f"{part}.{own}"]
            shown[name] = value
        return shown


if __name__ == "__main__":
    args, config = arguments(__doc__)
    script = Momentum(config)
    if script.host == "mocoV3": one_process()
    script.config = config
    record(script, args, config)
