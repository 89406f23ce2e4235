"""MoCo v2+, S-MoCo v2+ and BYOL of the fair study, by the official code (megvii-research/revisitAIRL): the networks of exp/mocov2_plus.py and exp/byol.py over
models/siamese_network.py and models/resnet.py, narrow: the widths that ResNet passes on are divided, nothing else. See official.py for usage.

Which view's keys join the queue is a toss there; the config's `enqueue` says how it falls. A bias before batch norm, which batch norm takes away, is left out. The
official target moves after the step with the momentum of the step's end; `progress` is the share that is read."""
import math, sys, types
import numpy, torch
from official import Script, arguments, record


class Fair(Script):
    repository = "megvii-research/revisitAIRL"

    def build(self, config):
        import models.siamese_network as siamese
        model, method = config["model"], config["method"]
        siamese.resnet50 = lambda **options: narrow(model, **options)
        on_both = method["predictor"]["on"] == "both"
        settings = dict(low_dim=method["projector"]["output"], hidden_dim=method["projector"]["hidden"], width=1, MLP="mcv2p" if on_both else "byol",
                        predictor={"online": True, "target": on_both}, bn={"online": "vanilla", "target": "vanilla"}, CLS=True)
        self.is_cosine = method["loss"] == "cosine"
        if self.is_cosine:
            from exp.byol import BYOL_Network, Normalized_L2Loss
            self.criterion, net = Normalized_L2Loss(), BYOL_Network(**settings)
        else:
            from exp.mocov2_plus import MoCov2Plus_Network
            net = MoCov2Plus_Network(**settings, queue_size=method["queue"], temperature=method["temperature"])
        for branch in (net.online_encoder, net.target_encoder):
            for i in (0, 4): len(branch.fc) > i and branch.fc[i].register_parameter("bias", None)
        return net

    def redraw(self, name, weight):
        # The target begins as a copy; it is moved away, so that a step of it can be seen.
        return weight + torch.randn_like(weight) * weight.std() * .3 if name.startswith("target_encoder.") else weight

    def inputs(self, config):
        shape = (config["batch"], config["data"]["channels"], config["data"]["imageSize"], config["data"]["imageSize"])
        base = torch.randn(shape)
        return {"view/first": base + torch.randn(shape) * .5, "view/second": base + torch.randn(shape) * .5}

    def step(self, model, inputs, progress):
        self.progress = progress
        model.online_encoder.train(); model.partial_eval()
        views = [inputs["view/first"], inputs["view/second"]]
        out = model(views)
        if not self.is_cosine: return out["loss"], {}, {}
        return self.criterion(out["online1"], out["target2"]) + self.criterion(out["online2"], out["target1"]), {}, {}

    def after_update(self, model, config, step):
        first = config["method"]["momentum"]["from"]
        model.momentum_update(1 - (1 - first) * (math.cos(math.pi * self.progress) + 1) * .5)

    def groups(self, model, config):
        optim = config["optim"]
        return torch.optim.SGD(model.online_encoder.parameters(), .1, momentum=optim["momentum"], weight_decay=optim["weightDecay"])

    def rename(self, values):
        branches = {"online_encoder.": "", "target_encoder.": "teacher."}
        on_both = any(name.startswith("target_encoder.fc.7.") for name in values) or self.alike
        def ours(name):
            if name == "queue": return "queue.keys"
            before, own = next((ours, name[len(official):]) for official, ours in branches.items() if name.startswith(official))
            if not own.startswith("fc."): return f"{before}encoder.{own}"
            layer, rest = own[3:].split(".", 1)
            return f"{before}projector.{layer}.{rest}" if on_both or int(layer) < 4 else f"{before}predictor.{int(layer) - 4}.{rest}"
        return {ours(name): value for name, value in values.items() if name != "queue_ptr"}


def narrow(model, **options):
    from models import resnet

    class Narrow(resnet.ResNet):
        def _make_layer(self, kind, planes, *rest, **more):
            if planes == 64:
                self.inplanes = model["width"]
                self.conv1 = torch.nn.Conv2d(3, model["width"], kernel_size=7, stride=2, padding=3, bias=False)
                self.bn1 = self._norm_layer(model["width"])
            return super()._make_layer(kind, planes * model["width"] // 64, *rest, **more)

    kind = {"basic": resnet.BasicBlock, "bottleneck": resnet.Bottleneck}[model["block"]]
    make = resnet.get_mlp
    resnet.get_mlp = lambda name, inputs, *rest, **more: make(name, inputs * model["width"] // 64, *rest, **more)
    try: return Narrow(kind, model["depths"], **options)
    finally: resnet.get_mlp = make


def adapt(config):
    """What the official files import for their training loops is left out, and so is their process group."""
    for name, parts in {"exp.base_trainer": ["BaseTrainer"], "utils": ["accuracy", "AvgMeter", "to_python_float", "cal_remain_time"], "solver.optimizer": ["LARS"],
                        "utils.dist": ["reduce_tensor", "dist_collect", "synchronize"]}.items():
        sys.modules[name] = module = types.ModuleType(name)
        for part in parts: setattr(module, part, object)
    sys.modules["utils.dist"].dist_collect = lambda keys: keys
    numpy.random.rand = lambda: {"first": 0., "second": .9}[config["method"].get("enqueue", "first")]


if __name__ == "__main__":
    args, config = arguments(__doc__)
    adapt(config)
    script = Fair(); script.alike = config["method"]["predictor"]["on"] == "both"
    record(script, args, config)
