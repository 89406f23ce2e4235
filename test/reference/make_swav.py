"""SwAV by its official code (facebookresearch/swav): the training loop of main_swav.py itself over src/resnet50.py, narrow. See official.py
for usage; besides, --apex CHECKOUT of NVIDIA/apex at a commit that has apex/parallel/LARC.py (2ec84ebd or later, before its removal).

One process. What stands in: pandas and apex's mixed precision, which are not used; `Widen`, which divides the widths of the official
ResNet. Gradients of frozen prototypes, which the loop throws away, are those of the same loop with nothing frozen."""
import argparse, copy, importlib.util, os, sys, types
import torch
from official import Script, arguments, one_process, record


class Widen:
    """`64 * Widen(16)` is 4: a narrow network where the official code offers wide ones."""
    def __init__(self, by): self.by = by
    def __rmul__(self, width): return width // self.by


class Wrapped(torch.nn.Module):
    """As DistributedDataParallel names it."""
    def __init__(self, module):
        super().__init__()
        self.module = module
    def forward(self, inputs): return self.module(inputs)


class Recording:
    """The optimiser, with gradients kept as they are before the first step."""
    def __init__(self, optimizer, model, limit=None):
        self.optim, self.model, self.gradients = optimizer, model, None
    param_groups = property(lambda self: self.optim.param_groups)
    def zero_grad(self): self.optim.zero_grad()
    def step(self):
        if self.gradients is None: self.gradients = {k: p.grad.clone() for k, p in self.model.named_parameters() if p.grad is not None}
        self.optim.step()


def stand_ins(apex):
    spec = importlib.util.spec_from_file_location("larc", os.path.join(apex, "apex", "parallel", "LARC.py"))
    larc = importlib.util.module_from_spec(spec); spec.loader.exec_module(larc)
    for name in ("pandas", "apex", "apex.parallel"): sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["apex.parallel.LARC"] = larc
    return larc.LARC


class SwAV(Script):
    repository = "facebookresearch/swav"

    def build(self, config):
        import src.resnet50 as resnets
        model, method = config["model"], config["method"]
        block = {"basic": resnets.BasicBlock, "bottleneck": resnets.Bottleneck}[model["block"]]
        projector = method["projector"]
        return resnets.ResNet(block, model["depths"], widen=Widen(64 // model["width"]), normalize=True, hidden_mlp=projector["hidden"],
                              output_dim=projector["output"], nmb_prototypes=method["prototypes"])

    def inputs(self, config):
        batch, channels, side, crops = config["batch"], config["data"]["channels"], config["data"]["imageSize"], config["method"]["augmentation"]
        sides = {"global1": side, "global2": side, **{f"local{i + 1}": crops["localSize"] for i in range(crops["locals"])}}
        base = torch.randn(batch, channels, 1, 1)
        return {f"view/{name}": base + torch.randn(batch, channels, s, s) * .7 for name, s in sides.items()}

    def loop(self, model, inputs, config, steps, frozen):
        """-> losses, gradients before the first step, the queue"""
        import main_swav
        method, optim, losses = config["method"], config["optim"], []
        main_swav.args = argparse.Namespace(
            nmb_crops=[2, method["augmentation"]["locals"]], crops_for_assign=[0, 1], temperature=method["temperature"], epsilon=method["epsilon"],
            sinkhorn_iterations=method["iterations"], world_size=1, freeze_prototypes_niters=frozen, use_fp16=False, rank=1)
        class Meter(main_swav.AverageMeter):
            def update(self, value, n=1):
                if n == config["batch"]: losses.append(value)
                super().update(value, n)
        usual, main_swav.AverageMeter = main_swav.AverageMeter, Meter
        sgd = torch.optim.SGD(model.parameters(), lr=0, momentum=optim["momentum"], weight_decay=optim["weightDecay"])
        optimizer = Recording(self.LARC(sgd, trust_coefficient=optim["trustCoefficient"], clip=False), model)
        length = method["queue"]["length"]
        queue = torch.zeros(2, length, method["projector"]["output"]) if length else None
        _, queue = main_swav.train([list(inputs.values())] * steps, Wrapped(model), optimizer, 0, optim["rates"], queue)
        main_swav.AverageMeter = usual
        return torch.tensor(losses), optimizer.gradients, queue

    def train(self, model, inputs, config):
        _, gradients, _ = self.loop(copy.deepcopy(model), inputs, config, 1, 0)
        losses, _, queue = self.loop(model, inputs, config, config["steps"], config["method"]["frozenSteps"])
        out = {"loss": losses[0].clone(), "steps.loss": losses}
        out.update({"grad/" + k: v for k, v in self.rename(gradients).items()})
        state = dict(model.state_dict())
        if queue is not None: state.update({f"queues.{i}.keys": rows for i, rows in enumerate(queue)})
        out.update({"after/" + k: v.detach().clone() for k, v in self.rename(state).items()})
        return out

    def rename(self, values):
        def ours(name):
            if name.startswith(("prototypes", "queues")): return name
            return name.replace("projection_head.", "projector.") if name.startswith("projection_head.") else "encoder." + name
        return {ours(name): value for name, value in values.items()}

    def extra(self, tensors, config):
        method = config["method"]
        width, length = method["projector"]["output"], method["queue"]["length"]
        return {f"weight/queues.{i}.keys": torch.zeros(length, width) for i in range(2)} if length else {}


if __name__ == "__main__":
    args, config = arguments(__doc__, "apex")
    one_process()
    SwAV.LARC = stand_ins(args.apex)
    record(SwAV(), args, config)
