"""Training steps in plain PyTorch, timm and transformers: forward, backward, fused AdamW."""

import contextlib
import time

import torch
from torch.nn import functional as F

from models.fcmae import ConvolutionalMaskedAutoencoder
from models.load import open_inputs
from models.mae import MaskedAutoencoder
from models.moco import MocoV3
from models.published import hugging_face_mae, layer_decay_groups, timm_classifier


def plain_groups(model, settings):
    """Decay on what has more than one dimension, as in MAE's official script."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings["weightDecay"]},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
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
            "finetune": self.classifier,
        }[self.settings["kind"]]
        self.model, self.loss_of, groups, betas = build(weights, tensors, options)
        rate = self.settings["baseLearningRate"] * self.settings["batch"] / 256
        for group in groups:
            group["lr"] = rate * group.pop("scale", 1.0)
        self.optimizer = torch.optim.AdamW(groups, betas=betas, eps=1e-8, fused=True)
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
        return model, loss, plain_groups(model, self.settings), (0.9, 0.95)

    def convolutional(self, weights, tensors, options):
        model = ConvolutionalMaskedAutoencoder(self.settings)
        model.load_state_dict(weights)
        image, noise = tensors["image"], tensors["noise"]
        if options.get("channelsLast"):
            model = model.to(memory_format=torch.channels_last)
            image = image.to(memory_format=torch.channels_last)
        loss = lambda run, index: run(image, noise[index % len(noise)])
        return model, loss, plain_groups(model, self.settings), (0.9, 0.95)

    def contrastive(self, weights, tensors, options):
        """Decay on every tensor that is trained, as in the official script."""
        model = MocoV3(self.settings, options["attention"])
        model.load_state_dict(weights)
        first, second = tensors["image"], tensors["second"]

        def loss(run, _index):
            model.move_teacher()
            return run(first, second)

        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        return model, loss, [{"params": trained, "weight_decay": self.settings["weightDecay"]}], (0.9, 0.999)

    def classifier(self, weights, tensors, _options):
        model = timm_classifier(self.settings, weights)
        image, targets = tensors["image"], tensors["targets"]
        loss = lambda run, _index: F.cross_entropy(run(image).float(), targets)
        return model, loss, layer_decay_groups(model, self.settings), (0.9, 0.999)

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
        self.optimizer.step()
        self.optimizer.zero_grad()
        del loss
        self.steps += 1
        return {"milliseconds": (time.perf_counter_ns() - began) / 1e6, "loss": value}
