"""SimSiam by its official code (facebookresearch/simsiam): simsiam/builder.py over torchvision's ResNet, narrow (official.py); loss, groups
and the predictor's constant rate are main_simsiam.py's. See official.py for usage.

The projector's last linear layer has a bias that the official code never trains. Batch norm takes it away, and ours has none: here it
is subtracted from the running mean behind it."""
import torch
from official import Script, arguments, narrow, record


class SimSiam(Script):
    repository = "facebookresearch/simsiam"

    def build(self, config):
        from simsiam.builder import SimSiam as Official
        model, method = config["model"], config["method"]
        make = narrow(model["width"], model["block"], model["depths"])
        return Official(lambda num_classes, zero_init_residual: make(num_classes), method["projector"]["output"], method["predictor"]["hidden"])

    def redraw(self, name, weight):
        # The predictor's layers mirror each other, so that a prediction is near its target: a loss of nearly 0 would be mostly rounding.
        if name == "predictor.0.weight": self.mirrored = weight.t().clone()
        return self.mirrored if name == "predictor.3.weight" else weight

    def inputs(self, config):
        shape = (config["batch"], config["data"]["channels"], config["data"]["imageSize"], config["data"]["imageSize"])
        base = torch.randn(shape)
        return {"view/first": base + torch.randn(shape) * .5, "view/second": base + torch.randn(shape) * .5}

    def step(self, model, inputs, progress):
        criterion = torch.nn.CosineSimilarity(dim=1)
        p1, p2, z1, z2 = model(x1=inputs["view/first"], x2=inputs["view/second"])
        loss = -(criterion(p1, z2).mean() + criterion(p2, z1).mean()) * 0.5
        return loss, {}, {"p1": p1, "p2": p2, "z1": z1, "z2": z2}

    def groups(self, model, config):
        optim = config["optim"]
        groups = [{"params": model.encoder.parameters(), "fix_lr": False}, {"params": model.predictor.parameters(), "fix_lr": True}]
        return torch.optim.SGD(groups, 0.1, momentum=optim["momentum"], weight_decay=optim["weightDecay"])

    def rename(self, values):
        values = dict(values)
        bias = values.pop("encoder.fc.6.bias", None)
        if bias is not None: values["encoder.fc.7.running_mean"] = values["encoder.fc.7.running_mean"] - bias
        return {name.replace("encoder.fc.", "projector."): value for name, value in values.items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(SimSiam(), args, config)
