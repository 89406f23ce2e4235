"""EsViT by its official code (microsoft/esvit): main_esvit.py's losses, utils.py's groups, clipping and schedules, the official Swin Transformer and
heads, narrow. See official.py for usage; needs einops too. One process, and every step an epoch of a run of `epochs`.

As there, gradients are clipped by tensor, then the last layers' are taken away while they are frozen; the teacher follows after the step, the
centres as soon as the loss is there. What main_esvit.py imports for data, configuration files and other backbones is stood in for."""
import sys, types
from functools import partial
import torch
from official import Script, arguments, bare_package, one_process, record


class Anything(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return None


class Pair(torch.nn.Module):
    def __init__(self, student, teacher, loss):
        super().__init__()
        self.student, self.teacher, self.loss = student, teacher, loss
        for p in teacher.parameters(): p.requires_grad = False


class EsViT(Script):
    repository = "microsoft/esvit"

    def __init__(self, official): self.official = official

    def build(self, config):
        bare_package(self.official, "models")
        for name in ("models.build", "config", "datasets", "timm.data.transforms", "timm.data.auto_augment"): sys.modules[name] = Anything(name)
        sys.modules["models"].build_model = None
        import main_esvit
        from models.swin_transformer import SwinTransformer
        from models.vision_transformer import DINOHead
        model, method, data, epochs = config["model"], config["method"], config["data"], config["epochs"]
        projector, K = method["projector"], method["outputs"]
        def head(norm_last_layer):
            return DINOHead(8 * model["width"], K, use_bn=projector["batchNorm"], norm_last_layer=norm_last_layer, nlayers=projector["layers"],
                            hidden_dim=projector["hidden"], bottleneck_dim=projector["bottleneck"])
        def one(norm_last_layer):
            body = SwinTransformer(img_size=data["imageSize"], patch_size=model["patchSize"], in_chans=data["channels"], num_classes=0, embed_dim=model["width"],
                                   depths=model["depths"], num_heads=model["heads"], window_size=model["window"], drop_path_rate=0.,
                                   norm_layer=partial(torch.nn.LayerNorm, eps=model["normEpsilon"]), use_dense_prediction=True)
            body.head, body.head_dense = head(norm_last_layer), head(norm_last_layer)
            return body
        temperature = method["teacherTemperature"]
        warm = round(temperature["over"] * epochs) + 1  # the epoch at which it has arrived is one of the warm-up's
        loss = main_esvit.DDINOLoss(K, 2 + config["locals"], temperature["from"], temperature["to"], warm, epochs,
                                    student_temp=method["studentTemperature"], center_momentum=method["centreMomentum"])
        return Pair(one(projector["normLastLayer"]), one(True), loss)

    def redraw(self, name, weight):
        if "relative_position_bias_table" in name: weight = torch.randn_like(weight) * .3
        if name.startswith("teacher."): return weight + torch.randn_like(weight) * weight.std() * .3
        return weight * 4 if ".mlp." in name and ".head" in name else weight

    def inputs(self, config):
        batch, channels, side = config["batch"], config["data"]["channels"], config["data"]["imageSize"]
        sides = {"global1": side, "global2": side, **{f"local{i + 1}": config["localSize"] for i in range(config["locals"])}}
        base = torch.randn(batch, channels, 1, 1)
        return {f"view/{name}": base + torch.randn(batch, channels, s, s) for name, s in sides.items()}

    def step(self, model, inputs, progress):
        images = [inputs[name] for name in inputs]
        return model.loss(model.student(images), model.teacher(images[:2]), round(progress * self.epochs), None), {}, {}

    def groups(self, model, config):
        import utils
        self.epochs, optim, method = config["epochs"], config["optim"], config["method"]
        schedule = lambda first, last: utils.cosine_scheduler(first, last, config["epochs"], 1)
        self.decays = schedule(optim["weightDecay"], optim["finalWeightDecay"])
        self.momenta = schedule(method["momentum"]["from"], method["momentum"]["to"])
        return torch.optim.AdamW(utils.get_params_groups(model.student), lr=0, betas=tuple(optim["betas"]), eps=optim["epsilon"])

    def before_update(self, model, optimizer, config, step):
        import utils
        optimizer.param_groups[0]["weight_decay"] = self.decays[step]
        utils.clip_gradients(model.student, config["method"]["clipNorm"])
        utils.cancel_gradients_last_layer(0, model.student, config["method"]["projector"]["frozenEpochs"])

    def after_update(self, model, config, step):
        m = self.momenta[step]
        for param_q, param_k in zip(model.student.parameters(), model.teacher.parameters()):
            param_k.data.mul_(m).add_((1 - m) * param_q.detach().data)

    def rename(self, values):
        def ours(name):
            if name.startswith("loss."): return {"loss.center": "centre", "loss.center_grid": "region_centre"}[name]
            network, part, rest = name.split(".", 2)
            before = "" if network == "student" else "teacher."
            if part == "head": return f"{before}projector.{rest}"
            if part == "head_dense": return f"region_projector.{rest}" if network == "student" else f"region_teacher.projector.{rest}"
            return f"{before}encoder.{part}.{rest}"
        return {ours(name): value for name, value in values.items() if not name.endswith("relative_position_index")}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    one_process()
    record(EsViT(args.official), args, config)
