"""BYOL by two public implementations (siamese_peers.py says which and how; the authors' code is JAX's). Views pass one at a time. As in the
authors' code the last layers of the heads have no bias, and the target follows after the optimiser's step, with the momentum of that step:
lightly's benchmark calls the same average before the next step. A bias before batch norm, which solo-learn and the authors have and batch
norm takes away, is left out. See official.py for usage."""
import copy
import torch
from official import arguments, record
from siamese_peers import Base, Settings, Siamese, backbone, solo


class Momentum(Base):
    def __init__(self, config):
        super().__init__(config)
        self.momentum_backbone = copy.deepcopy(self.backbone)
        self.momentum_backbone.requires_grad_(False)

    @property
    def momentum_pairs(self): return [(self.backbone, self.momentum_backbone)]


class Lightly(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        from lightly.loss import NegativeCosineSimilarity
        from lightly.models.modules import BYOLPredictionHead, BYOLProjectionHead
        projector, predictor = config["method"]["projector"], config["method"]["predictor"]
        self.backbone, width = backbone(config)
        self.projection_head = BYOLProjectionHead(width, projector["hidden"], projector["output"])
        self.prediction_head = BYOLPredictionHead(projector["output"], predictor["hidden"], projector["output"])
        self.teacher_backbone = copy.deepcopy(self.backbone).requires_grad_(False)
        self.teacher_projection_head = BYOLProjectionHead(width, projector["hidden"], projector["output"]).requires_grad_(False)
        self.criterion = NegativeCosineSimilarity()

    def training_step(self, views):
        with torch.no_grad(): targets = [self.teacher_projection_head(self.teacher_backbone(x)) for x in views]
        predictions = [self.prediction_head(self.projection_head(self.backbone(x))) for x in views]
        return 2 * self.criterion(targets[0], predictions[1]) + 2 * self.criterion(targets[1], predictions[0])


class BYOL(Siamese):
    def build(self, config):
        method = config["method"]
        if self.code == "lightly":
            model = Lightly(config)
        else:
            sizes = Settings(proj_hidden_dim=method["projector"]["hidden"], proj_output_dim=method["projector"]["output"], pred_hidden_dim=method["predictor"]["hidden"])
            model = solo(self.checkout, "byol", Momentum).BYOL(Settings(run=config, method_kwargs=sizes))
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear) and ("project" in name or "predict" in name): module.register_parameter("bias", None)
        return model

    def redraw(self, name, weight):
        # The target begins as a copy; it is moved away, so that a step of it can be seen.
        return weight + torch.randn_like(weight) * weight.std() * .3 if name.startswith(("momentum_", "teacher_")) else weight

    def step(self, model, inputs, progress):
        self.progress = progress
        views = [inputs["view/first"], inputs["view/second"]]
        if self.code == "lightly": return model.training_step(views) + 4, {}, {}  # the benchmark leaves out what is constant
        return model.training_step((None, views, None), 0), {}, {}

    def after_update(self, model, config, step):
        first = config["method"]["momentum"]["from"]
        if self.code == "lightly":
            from lightly.models.utils import update_momentum
            from lightly.utils.scheduler import cosine_schedule
            momentum = cosine_schedule(step=round(100 * self.progress), max_steps=101, start_value=first, end_value=1.)
            update_momentum(model.backbone, model.teacher_backbone, m=momentum)
            update_momentum(model.projection_head, model.teacher_projection_head, m=momentum)
        else:
            import sys
            updater = sys.modules["solo.utils.momentum"].MomentumUpdater(first, 1.)
            updater.update_tau(self.progress, 1)
            for pair in model.momentum_pairs: updater.update(*pair)

    def rename(self, values):
        names = (("teacher_backbone.", "teacher.encoder."), ("momentum_backbone.", "teacher.encoder."), ("teacher_projection_head.layers.", "teacher.projector."),
                 ("momentum_projector.", "teacher.projector."), ("backbone.", "encoder."), ("projection_head.layers.", "projector."), ("prediction_head.layers.", "predictor."))
        def ours(name):
            return next((b + name[len(a):] for a, b in names if name.startswith(a)), name)
        return {ours(name): value for name, value in values.items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(BYOL(args, config), args, config)
