"""Training steps in plain PyTorch, timm and transformers: forward, backward, a fused optimiser."""

import contextlib
import time

import torch
from torch.nn import functional as F

from models.dino import Dino
from models.fcmae import ConvolutionalMaskedAutoencoder
from models.load import open_inputs
from models.mae import MaskedAutoencoder
from models.moco import MocoV3
from models.published import hugging_face_mae, layer_decay_groups, timm_classifier
from models.simsiam import Simsiam


def adamw(*betas):
    return lambda groups: torch.optim.AdamW(groups, betas=betas, eps=1e-8, fused=True)


def sgd(groups):
    return torch.optim.SGD(groups, lr=0.0, momentum=0.9, fused=True)


def trained(model):
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def plain_groups(model, settings):
    """Decay on what has more than one dimension, as in MAE's official script."""
    return [
        {"params": [p for p in trained(model) if p.ndim > 1], "weight_decay": settings["weightDecay"]},
        {"params": [p for p in trained(model) if p.ndim <= 1], "weight_decay": 0.0},
    ]


class Worker:
    def __init__(self, options):
        torch.set_num_threads(options["threads"])
        self.precision, self.settings = options["precision"], options["settings"]
        weights, tensors = open_inputs(options["inputs"])
        build = {
            "pretrain": self.masked_autoencoder,
            "fcmae": self.convolutional,
            "mocoV3": self.contrastive,
            "simsiam": self.siamese,
            "dino": self.distilled,
            "finetune": self.classifier,
        }[self.settings["kind"]]
        self.model, self.loss_of, groups, optimizer = build(weights, tensors, options)
        rate = self.settings["baseLearningRate"] * self.settings["batch"] / 256
        for group in groups:
            group["lr"] = rate * group.pop("scale", 1.0)
        self.optimizer = optimizer(groups)
        self.run = torch.compile(self.model, mode=options["compile"]) if "compile" in options else self.model
        self.steps = 0

    def about(self):
        return {"threads": torch.get_num_threads(), "version": torch.__version__}

    def masked_autoencoder(self, weights, tensors, options):
        image, noise = tensors["image"], tensors["noise"]
        if options["side"] == "huggingface":
            model = hugging_face_mae(self.settings, weights)
            loss = lambda run, index: run(image, noise=noise[index % len(noise)]).loss
        else:
            model = MaskedAutoencoder(self.settings, options["attention"])
            model.load_state_dict(weights)
            loss = lambda run, index: run(image, noise[index % len(noise)])
        return model, loss, plain_groups(model, self.settings), adamw(0.9, 0.95)

    def convolutional(self, weights, tensors, options):
        model = ConvolutionalMaskedAutoencoder(self.settings)
        model.load_state_dict(weights)
        image, noise = tensors["image"], tensors["noise"]
        if options.get("channelsLast"):
            model = model.to(memory_format=torch.channels_last)
            image = image.to(memory_format=torch.channels_last)
        loss = lambda run, index: run(image, noise[index % len(noise)])
        return model, loss, plain_groups(model, self.settings), adamw(0.9, 0.95)

    def contrastive(self, weights, tensors, options):
        """Decay on every tensor that is trained, as in the official script."""
        model = MocoV3(self.settings, options["attention"])
        model.load_state_dict(weights)
        first, second = tensors["image"], tensors["second"]

        def loss(run, _index):
            model.move_teacher()
            return run(first, second)

        groups = [{"params": trained(model), "weight_decay": self.settings["weightDecay"]}]
        return model, loss, groups, adamw(0.9, 0.999)

    def siamese(self, weights, tensors, options):
        """Decay on every tensor, as in the official script. One more than the negative cosine, as Lacuna's worker says."""
        model = Simsiam(self.settings)
        model.load_state_dict(weights)
        views = [tensors["image"], tensors["second"]]
        if options.get("channelsLast"):
            model = model.to(memory_format=torch.channels_last)
            views = [view.to(memory_format=torch.channels_last) for view in views]
        groups = [{"params": trained(model), "weight_decay": self.settings["weightDecay"]}]
        return model, lambda run, _index: run(*views) + 1, groups, sgd

    def distilled(self, weights, tensors, options):
        model = Dino(self.settings, options["attention"])
        model.load_state_dict(weights)
        large = torch.cat([tensors["image"], tensors["second"]])
        small = torch.cat([tensors[f"local{i + 1}"] for i in range(self.settings["locals"])])
        return model, lambda run, _index: run(large, small), plain_groups(model, self.settings), adamw(0.9, 0.999)

    def classifier(self, weights, tensors, _options):
        model = timm_classifier(self.settings, weights)
        image, targets = tensors["image"], tensors["targets"]
        loss = lambda run, _index: F.cross_entropy(run(image).float(), targets)
        return model, loss, layer_decay_groups(model, self.settings), adamw(0.9, 0.999)

    def forward(self, run, precision, index):
        with torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else contextlib.nullcontext():
            return self.loss_of(run, index)

    @torch.no_grad()
    def check(self, message):
        """Not of the compiled model, which would be compiled anew for this; the losses after the last step show that one."""
        return {"values": [self.forward(self.model, message["precision"], 0).item()]}

    def step(self, _message):
        began = time.perf_counter_ns()
        loss = self.forward(self.run, self.precision, self.steps)
        loss.backward()
        value = loss.item()
        getattr(self.model, "before_update", lambda: None)()
        self.optimizer.step()
        getattr(self.model, "after_step", lambda: None)()
        self.optimizer.zero_grad()
        del loss
        self.steps += 1
        return {"milliseconds": (time.perf_counter_ns() - began) / 1e6, "loss": value}
