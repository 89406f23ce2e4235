"""SimCLR by two public implementations (siamese_peers.py says which and how; the authors' code is TensorFlow's). Both views pass in one batch, as
in google-research/simclr and lightly's benchmark. See official.py for usage.

solo-learn's projector has biases and no batch norm. lightly's has batch norm behind both layers; as in the authors' code the last has no
bias, which is taken from lightly's. Every loss is held against equation 1 of the paper, written out plainly."""
import torch
from official import arguments, record
from siamese_peers import Base, Settings, Siamese, backbone, solo


class Together(Base):
    together = True


class Lightly(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        from lightly.loss import NTXentLoss
        from lightly.models.modules import SimCLRProjectionHead
        head = config["method"]["projector"]
        self.backbone, width = backbone(config)
        self.projection_head = SimCLRProjectionHead(width, head.get("hidden", width), head["output"], num_layers=head["layers"])
        self.criterion = NTXentLoss(temperature=config["method"]["temperature"])
        self.projection_head.layers[-1].register_parameter("bias", None)

    def training_step(self, views):
        z0, z1 = self.projection_head(self.backbone(torch.cat(views))).chunk(2)
        self.seen = torch.cat((z0, z1))
        return self.criterion(z0, z1)


class SimCLR(Siamese):
    def build(self, config):
        if self.code == "lightly": return Lightly(config)
        method, head = config["method"], config["method"]["projector"]
        settings = Settings(run=config, method_kwargs=Settings(temperature=method["temperature"], proj_hidden_dim=head["hidden"], proj_output_dim=head["output"]))
        return solo(self.checkout, "simclr", Together).SimCLR(settings)

    def step(self, model, inputs, progress):
        views = [inputs["view/first"], inputs["view/second"]]
        if self.code == "lightly":
            loss, z = model.training_step(views), model.seen
        else:
            hook = model.projector.register_forward_hook(lambda _, __, out: setattr(self, "seen", out))
            loss = model.training_step((torch.arange(len(views[0])), views, None), 0)
            hook.remove(); z = self.seen
        self.compare(loss, z, model)
        return loss, {}, {"z": z}

    def compare(self, loss, z, model):
        """With equation 1 of the paper, as plainly as it stands there, in the same precision."""
        tau = self.temperature
        z = torch.nn.functional.normalize(z.detach(), dim=1); n = len(z); s = (z @ z.T) / tau
        one = lambda i, j: -s[i, j] + torch.logsumexp(torch.stack([s[i, k] for k in range(n) if k != i]), 0)
        plain = torch.stack([one(i, (i + n // 2) % n) for i in range(n)]).mean()
        assert abs(plain - loss) < (1e-11 if z.dtype == torch.float64 else 1e-4), (plain, loss)

    def rename(self, values):
        return {name.replace("backbone.", "encoder.").replace("projection_head.layers.", "projector."): value for name, value in values.items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    script = SimCLR(args, config)
    script.temperature = config["method"]["temperature"]
    record(script, args, config)
