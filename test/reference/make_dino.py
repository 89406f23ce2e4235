"""DINO by its official code (facebookresearch/dino): main_dino.py's loss, utils.py's wrapper, clipping and schedules, the official ViT or
torchvision's ResNet, narrow (official.py). See official.py for usage. One process, and every step an epoch of a run of `epochs`.

As in the official code gradients are clipped by tensor, then the last layer's are taken away while it is frozen; the teacher follows after
the step, the centre as soon as the loss is there. Freezing goes by the epoch, which is the first throughout."""
from functools import partial
import torch
from official import Script, arguments, narrow, one_process, record


class Pair(torch.nn.Module):
    def __init__(self, student, teacher, loss):
        super().__init__()
        self.student, self.teacher, self.loss = student, teacher, loss
        for p in teacher.parameters(): p.requires_grad = False


class DINO(Script):
    repository = "facebookresearch/dino"

    def build(self, config):
        import main_dino, utils
        from vision_transformer import DINOHead, VisionTransformer
        model, method, epochs = config["model"], config["method"], config["epochs"]
        projector, K = method["projector"], method["outputs"]
        def backbone():
            if model["name"] == "resnet": return narrow(model["width"], model["block"], model["depths"])(8), 8 * model["width"] * {"basic": 1, "bottleneck": 4}[model["block"]]
            vit = VisionTransformer(img_size=[config["data"]["imageSize"]], patch_size=model["patchSize"], embed_dim=model["width"], depth=model["depth"],
                                    num_heads=model["heads"], mlp_ratio=4, qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6))
            return vit, vit.embed_dim
        def one(norm_last_layer):
            body, width = backbone()
            return utils.MultiCropWrapper(body, DINOHead(width, K, use_bn=projector["batchNorm"], norm_last_layer=norm_last_layer, nlayers=projector["layers"],
                                                         hidden_dim=projector["hidden"], bottleneck_dim=projector["bottleneck"]))
        temperature = method["teacherTemperature"]
        warm = round(temperature["over"] * epochs) + 1  # the epoch at which it has arrived is one of the warm-up's
        loss = main_dino.DINOLoss(K, 2 + config["locals"], temperature["from"], temperature["to"], warm, epochs,
                                  student_temp=method["studentTemperature"], center_momentum=method["centreMomentum"])
        return Pair(one(projector["normLastLayer"]), one(True), loss)

    def redraw(self, name, weight):
        # The teacher begins as the student's copy; it is moved away, so that a step of it can be seen. Scores are spread out.
        if name.startswith("teacher."): return weight + torch.randn_like(weight) * weight.std() * .3
        return weight * 4 if ".head.mlp." in name else weight

    def inputs(self, config):
        batch, channels, side = config["batch"], config["data"]["channels"], config["data"]["imageSize"]
        sides = {"global1": side, "global2": side, **{f"local{i + 1}": config["localSize"] for i in range(config["locals"])}}
        base = torch.randn(batch, channels, 1, 1)
        return {f"view/{name}": base + torch.randn(batch, channels, s, s) for name, s in sides.items()}

    def step(self, model, inputs, progress):
        images = [inputs[name] for name in inputs]
        teacher = model.teacher(images[:2])
        student = model.student(images)
        return model.loss(student, teacher, round(progress * self.epochs)), {}, {}

    def groups(self, model, config):
        import utils
        self.epochs, optim, method = config["epochs"], config["optim"], config["method"]
        schedule = lambda first, last: utils.cosine_scheduler(first, last, config["epochs"], 1)
        self.decays = schedule(optim["weightDecay"], optim["finalWeightDecay"])
        self.momenta = schedule(method["momentum"]["from"], method["momentum"]["to"])
        groups = utils.get_params_groups(model.student)
        if optim["name"] == "sgd": return torch.optim.SGD(groups, lr=0, momentum=optim["momentum"])
        return torch.optim.AdamW(groups, lr=0, betas=tuple(optim["betas"]), eps=optim["epsilon"])

    def before_update(self, model, optimizer, config, step):
        import utils
        optimizer.param_groups[0]["weight_decay"] = self.decays[step]
        if config["method"]["clipNorm"]: utils.clip_gradients(model.student, config["method"]["clipNorm"])
        utils.cancel_gradients_last_layer(0, model.student, config["method"]["projector"]["frozenEpochs"])

    def after_update(self, model, config, step):
        m = self.momenta[step]
        for param_q, param_k in zip(model.student.parameters(), model.teacher.parameters()):
            param_k.data.mul_(m).add_((1 - m) * param_q.detach().data)

    def rename(self, values):
        def ours(name):
            name = name.replace("backbone.", "encoder.").replace("head.", "projector.")
            return name.removeprefix("student.").replace("loss.center", "centre")
        return {ours(name): value for name, value in values.items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    one_process()
    record(DINO(), args, config)
