"""SDSSL over MoCo v3, BYOL and SimCLR by its official code (hagiss/SDSSL): pl_train_<host>.py's PLLearner with vision_transformer.py and
byol_pytorch. See official.py for usage; it needs einops too. PyTorch Lightning is left out: the learner is a plain module, whose backward and
optimiser's step happen in official.py instead; its schedules are its own, of an epoch of ten steps.

The official code has twelve blocks written into it, and so has the recorded encoder, which is narrow. The first λ of 0, at which the
official BYOL takes another branch, is not among the steps."""
import argparse, sys, types
from functools import partial
import torch
from official import Script, arguments, one_process, record

EPOCH = 10  # steps


def without_lightning():
    def module(name, **parts):
        sys.modules[name] = made = types.ModuleType(name)
        for key, value in parts.items(): setattr(made, key, value)
        return made
    module("pytorch_lightning", LightningModule=torch.nn.Module)
    module("pytorch_lightning.callbacks", LearningRateMonitor=None)
    torch.cuda.device_count = lambda: 1


class NoStep:
    """The learner's optimiser while it makes its loss."""
    param_groups = []
    def zero_grad(self): pass
    def step(self): pass


class SDSSL(Script):
    repository = "hagiss/SDSSL"

    def build(self, config):
        import importlib
        import vision_transformer as vits
        method, model, data, host = config["method"], config["model"], config["data"], config["method"]["host"]
        code = importlib.import_module({"mocoV3": "pl_train_moco", "byol": "pl_train_byol", "simclr": "pl_train_simclr"}[host])
        vit = lambda: vits.VisionTransformer(img_size=[data["imageSize"]], patch_size=model["patchSize"], embed_dim=model["width"], depth=model["depth"], num_heads=model["heads"],
                                             mlp_ratio=model["mlpRatio"], qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6))
        args = argparse.Namespace(
            st_inter=True, t_inter=False, mlp_hidden=method["hidden"], out_dim=method["output"], up=0, ratio=method["ratio"], temperature=method["temperature"], arch="", optimizer="adamw",
            accumulate=1, lr=0, total_batch=256, min_lr=0, epochs=1, warmup_epochs=0, weight_decay=0, weight_decay_end=0, momentum_teacher=method["momentum"]["from"])
        nets = [vit()] if host == "simclr" else [vit(), vit()]
        learner = code.PLLearner(*nets, EPOCH, None, model["width"], args)
        learner.device = torch.device("cpu")
        learner.optimizer, learner.logger = NoStep(), argparse.Namespace(experiment=argparse.Namespace(add_scalar=lambda *_: None))
        learner.manual_backward = lambda loss: None
        if host != "simclr": learner.follow, learner.momentum_update = learner.momentum_update, lambda: None
        return learner

    def redraw(self, name, weight):
        # The teacher begins as the student's copy; it is moved away, so that a step of it can be seen.
        return weight + torch.randn_like(weight) * weight.std() * .3 if name.startswith("teacher.") else weight

    def inputs(self, config):
        shape = (config["batch"], config["data"]["channels"], config["data"]["imageSize"], config["data"]["imageSize"])
        base = torch.randn(shape)
        return {"view/first": base + torch.randn(shape) * .5, "view/second": base + torch.randn(shape) * .5}

    def step(self, model, inputs, progress):
        model.global_step = round(progress * EPOCH)
        loss = model.training_step(((inputs["view/first"], inputs["view/second"]), None), 0)["loss"]
        return loss, {}, {}

    def after_update(self, model, config, step):
        if hasattr(model, "follow"): model.follow()

    def groups(self, model, config):
        import utils
        optim = config["optim"]
        return torch.optim.AdamW(utils.get_params_groups(model.student), lr=0, betas=tuple(optim["betas"]), eps=optim["epsilon"], weight_decay=optim["weightDecay"])

    def rename(self, values):
        blocks = self.depth
        def ours(name):
            for side, before in (("student.net.", "encoder."), ("teacher.net.", "teacher.encoder."), ("teacher.projector.net.", "teacher.projector.")):
                if name.startswith(side): return before + name[len(side):]
            _, head, block, _, rest = name.split(".", 4)  # student.projector.3.net.0.weight
            return f"{head}.{rest}" if int(block) == blocks - 1 else f"{head}s.{block}.{rest}"
        return {ours(name): value for name, value in values.items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    one_process(); without_lightning()
    script = SDSSL()
    script.depth = config["model"]["depth"]
    record(script, args, config)
