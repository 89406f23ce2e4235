"""Supervised training by its official code (facebookresearch/deit): the losses that main.py chooses and losses.py wraps, timm's Mixup,
optimiser and ModelEma as main.py builds them, over timm's VisionTransformer with models.py's options or torchvision's ResNet, narrow (official.py).
See official.py for usage.

`mixes` of the configuration has what is drawn at each step, lambda before CutMix corrects it and the centre of its box: what Lacuna draws
with seed 0. The average's decay at a step is Lacuna's, (1 + n) / (10 + n) up to `average`; what it averages and how is ModelEma's."""
from functools import partial
import numpy as np, torch
from official import Script, arguments, narrow, record


class WithAverage(torch.nn.Module):
    """The model and what ModelEma makes of it."""
    def __init__(self, model, decay):
        from timm.utils import ModelEma
        super().__init__()
        self.model, self.follower = model, [ModelEma(model, decay=decay)] if decay else []
        for ema in self.follower: self.averaged = ema.ema

    def train(self, mode=True):
        self.model.train(mode)


class Supervised(Script):
    repository = "facebookresearch/deit"

    def build(self, config):
        model, data, method = config["model"], config["data"], config["method"]
        self.config = config
        if model["name"] == "resnet":
            return WithAverage(narrow(model["width"], model["block"], model["depths"])(method["classes"]), method["average"])
        from timm.models.vision_transformer import VisionTransformer
        return WithAverage(VisionTransformer(
            img_size=data["imageSize"], patch_size=model["patchSize"], embed_dim=model["width"], depth=model["depth"], num_heads=model["heads"],
            mlp_ratio=model["mlpRatio"], qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), num_classes=method["classes"]), method["average"])

    def inputs(self, config):
        data, batch = config["data"], config["batch"]
        return {"view/image": torch.randn(batch, data["channels"], data["imageSize"], data["imageSize"]),
                "view/label": torch.randint(0, config["method"]["classes"], (batch,))}

    def step(self, model, inputs, progress):
        from losses import DistillationLoss
        from timm.data import Mixup
        from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy
        image, target = inputs["view/image"], inputs["view/label"]
        augmentation, mixes = self.config["method"]["augmentation"], self.config.get("mixes")
        criterion = SoftTargetCrossEntropy() if mixes else LabelSmoothingCrossEntropy(smoothing=augmentation["smoothing"])
        if mixes:
            drawn = mixes[self.config["progress"].index(progress)]
            mixup = Mixup(label_smoothing=augmentation["smoothing"], num_classes=self.config["method"]["classes"])
            mixup._params_per_batch = lambda: (drawn["lambda"], "centre" in drawn)
            centre, plain = iter(drawn.get("centre", [])), np.random.randint
            np.random.randint = lambda *a, **k: next(centre)
            image, target = mixup(image.clone(), target)
            np.random.randint = plain
            target = target.to(image.dtype)
        outputs = model.model(image)
        return DistillationLoss(criterion, None, "none", 0.5, 1.0)(image, outputs, target), {}, {"logits": outputs}

    def groups(self, model, config):
        from timm.optim import create_optimizer_v2
        optim = dict(config["optim"])
        options = {"betas": tuple(optim["betas"]), "eps": optim["epsilon"]} if optim["name"] == "adamw" else {"momentum": optim["momentum"]}
        name = {"adamw": "adamw", "sgd": "momentum"}[optim["name"]]
        return create_optimizer_v2(model.model, opt=name, lr=0, weight_decay=optim["weightDecay"], **options)

    def after_update(self, model, config, step):
        for ema in model.follower:
            ema.decay = min(config["method"]["average"], (2 + step) / (11 + step))
            ema.update(model.model)

    def rename(self, values):
        def ours(name):
            averaged, rest = ("averaged.", name[9:]) if name.startswith("averaged.") else ("", name.removeprefix("model."))
            return averaged + (rest.replace("fc.", "head.") if rest.startswith(("head.", "fc.")) else "encoder." + rest)
        return {ours(name): value for name, value in values.items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(Supervised(), args, config)
