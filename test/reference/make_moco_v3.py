"""MoCo v3 by its official code (facebookresearch/moco-v3): moco/builder.py with vits.py or torchvision's ResNet, and
moco/optimizer.py; the momentum of each step is main_moco.py's adjust_moco_momentum. See official.py for usage.

As in the official code each step first moves the teacher with the step's momentum, then makes the keys with it.
The ResNet is torchvision's, narrow (official.py)."""
import math
from functools import partial
import torch
from official import Script, adamw, arguments, narrow, one_process, record


class MocoV3(Script):
    repository = "facebookresearch/moco-v3"

    def build(self, config):
        import moco.builder, vits
        model, method, data = config["model"], config["method"], config["data"]
        head = (method["projector"]["output"], method["projector"]["hidden"], method["temperature"])
        if model["name"] == "resnet":
            return moco.builder.MoCo_ResNet(narrow(model["width"], model["block"], model["depths"]), *head)
        vit = partial(vits.VisionTransformerMoCo, stop_grad_conv1=method["freezePatchEmbed"], img_size=data["imageSize"],
                      patch_size=model["patchSize"], embed_dim=model["width"], depth=model["depth"], num_heads=model["heads"],
                      mlp_ratio=model["mlpRatio"], qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6))
        return moco.builder.MoCo_ViT(vit, *head)

    def redraw(self, name, weight):
        # The teacher begins as the student's copy; it is moved away, so that a step of it can be seen.
        return weight + torch.randn_like(weight) * weight.std() * .3 if name.startswith("momentum_encoder.") else weight

    def inputs(self, config):
        shape = (config["batch"], config["data"]["channels"], config["data"]["imageSize"], config["data"]["imageSize"])
        base = torch.randn(shape)
        return {"view/first": base + torch.randn(shape) * .5, "view/second": base + torch.randn(shape) * .5}

    def step(self, model, inputs, progress):
        from main_moco import adjust_moco_momentum
        m = adjust_moco_momentum(progress, self.schedule)
        seen, hooks = [], []
        for module in (model.predictor, model.momentum_encoder):
            hooks.append(module.register_forward_hook(lambda _, __, out: seen.append(out)))
        loss = model(inputs["view/first"], inputs["view/second"], m)
        for hook in hooks: hook.remove()
        halves = {"first": model.contrastive_loss(seen[0], seen[3]), "second": model.contrastive_loss(seen[1], seen[2])}
        return loss, halves, dict(zip(("q1", "q2", "k1", "k2"), seen))

    def groups(self, model, config):
        import argparse, moco.optimizer
        optim = config["optim"]
        self.schedule = argparse.Namespace(epochs=1, moco_m=config["method"]["momentum"]["from"])
        if optim["name"] == "lars":
            return moco.optimizer.LARS(model.parameters(), 0, weight_decay=optim["weightDecay"], momentum=optim["momentum"],
                                       trust_coefficient=optim["trustCoefficient"])
        return adamw([p for p in model.parameters()], optim)

    def rename(self, values):
        def ours(name):
            name = name.replace("base_encoder.", "encoder.").replace("momentum_encoder.", "teacher.encoder.")
            for head in ("encoder.head.", "encoder.fc."): name = name.replace(head, "projector.")
            return name
        return {ours(name): value for name, value in values.items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    one_process()
    config["schedule"] = {"momentum": [1 - .5 * (1 + math.cos(math.pi * p)) * (1 - config["method"]["momentum"]["from"]) for p in config["progress"]]}
    record(MocoV3(), args, config)
