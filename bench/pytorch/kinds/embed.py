"""Features of pictures in memory: the mean of the patch tokens, in float32."""

import contextlib
import time

import torch

from models.load import open_inputs
from models.published import hugging_face_encoder, timm_encoder


class Worker:
    def __init__(self, options):
        torch.set_num_threads(options["threads"])
        self.precision, settings = options["precision"], options["settings"]
        weights, tensors = open_inputs(options["inputs"])
        self.image = tensors["image"]
        if options["side"] == "huggingface":
            model = hugging_face_encoder(settings, weights)
            self.tokens = lambda image: model(image).last_hidden_state
        else:
            model = timm_encoder(settings, weights)
            run = torch.compile(model, mode=options["compile"]) if "compile" in options else model
            self.tokens = lambda image: run(image)

    def about(self):
        return {"threads": torch.get_num_threads(), "version": torch.__version__}

    @torch.inference_mode()
    def features(self):
        with torch.autocast("cpu", torch.bfloat16) if self.precision == "bfloat16" else contextlib.nullcontext():
            return self.tokens(self.image)[:, 1:].mean(dim=1).float()

    def check(self, _message):
        return {"values": self.features()[:4].flatten().tolist()}

    def step(self, _message):
        began = time.perf_counter_ns()
        self.features().numpy()
        return {"milliseconds": (time.perf_counter_ns() - began) / 1e6}
