"""ExtreMA by its official code (microsoft/ExtreMA): lib/builder.py over vits.py, with the optimiser's groups of main.py. See official.py
for usage.

What is set here: the number of patches, which that code has written out as 196; timm's add_weight_decay, which takes a list of names to
skip under that name no more."""
import inspect, math, textwrap, types
from functools import partial
import torch
from official import Script, adamw, arguments, one_process, record


class Extrema(Script):
    repository = "microsoft/ExtreMA"

    def build(self, config):
        import lib.builder, vits
        self.method = method = config["method"]
        model, data = config["model"], config["data"]
        self.patches = (data["imageSize"] // model["patchSize"]) ** 2
        encoder = partial(vits.VisionTransformer, img_size=data["imageSize"], patch_size=model["patchSize"], in_chans=data["channels"],
            embed_dim=model["width"], depth=model["depth"], num_heads=model["heads"], mlp_ratio=model["mlpRatio"], qkv_bias=True,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), init_values=0.1, class_attention_layers=model["classAttention"])
        source = inspect.getsource(lib.builder.ExtreMA.generate_mask).replace("196", str(self.patches)).replace("x.get_device()", "x.device")
        made = lib.builder.ExtreMA(encoder, encoder, method["output"], method["hidden"], method["temperature"], method["maskRatio"], method["masks"], method["disjoint"])
        space = dict(torch=torch)
        exec(textwrap.dedent(source), space)
        made.generate_mask = types.MethodType(space["generate_mask"], made)
        made.local_crops = method["masks"]  # what its InfoNCE branch calls it, and nobody sets
        return made

    def redraw(self, name, weight):
        # The teacher begins as a copy; it is moved away, so that a step of it can be seen.
        return weight + torch.randn_like(weight) * weight.std() * .3 if name.startswith("momentum_") else weight

    def inputs(self, config):
        batch, data = config["batch"], config["data"]
        view = lambda: torch.randn(batch, data["channels"], data["imageSize"], data["imageSize"])
        image, target = view(), view()
        names = ["mask"] if self.method["disjoint"] else [f"mask/{i}" for i in range(self.method["masks"])]
        return {"view/crop": image, "view/image": image, "view/target": target, **{f"draw/{name}": torch.rand(batch, self.patches) for name in names}}

    def step(self, model, inputs, progress):
        first = self.method["momentum"]["from"]
        momentum = 1 - .5 * (1 + math.cos(math.pi * progress)) * (1 - first)  # main.py, adjust_ema_momentum
        draws = iter([value.clone() for name, value in inputs.items() if name.startswith("draw/")])
        drawn, torch.rand = torch.rand, lambda *a, **k: next(draws)
        loss = model([inputs["view/image"], inputs["view/target"]], momentum, {"cosine": "byol", "infoNce": "infonce"}[self.method["loss"]])
        torch.rand = drawn
        return loss, {}, {}

    def groups(self, model, config):
        optim, skipped = config["optim"], model.no_weight_decay()
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        spared = lambda name, p: len(p.shape) == 1 or name.endswith(".bias") or name in skipped  # timm 0.4, add_weight_decay
        groups = [{"params": [p for n, p in named if spared(n, p)], "weight_decay": 0.}, {"params": [p for n, p in named if not spared(n, p)], "weight_decay": optim["weightDecay"]}]
        return adamw(groups, optim)

    def rename(self, values):
        names = (("momentum_encoder.head.", "teacher.projector."), ("base_encoder.head.", "projector."), ("momentum_encoder.", "teacher.encoder."), ("base_encoder.", "encoder."))
        def ours(name):
            return next((b + name[len(a):] for a, b in names if name.startswith(a)), name)
        def with_class_row(name, value):  # our table begins with the class token's row, zero
            return torch.cat([torch.zeros_like(value[:, :1]), value], 1) if name.endswith("pos_embed") else value
        return {ours(name): with_class_row(name, value) for name, value in values.items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    one_process()
    record(Extrema(), args, config)
