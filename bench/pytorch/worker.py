"""The PyTorch process of a comparison: loads what the driver wrote, then does one thing for each line on stdin.

usage: python worker.py '{"inputs": path, "precision": …, "threads": …, "attention": …, "compile": …}'
Lines in and out are JSON objects; ../worker.mjs is its twin, command for command.
"""

import contextlib
import json
import sys
import time

import torch
from safetensors import safe_open

from mae import MaskedAutoencoder


def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))


class Training:
    def __init__(self, options):
        torch.set_num_threads(options["threads"])
        self.imported = resident()
        self.precision = options["precision"]
        with safe_open(options["inputs"], framework="pt") as file:
            self.case = json.loads(file.metadata()["case"])
            self.model = MaskedAutoencoder(self.case, options["attention"])
            self.load(file)
            self.image = file.get_tensor("image").clone()
            self.noise = file.get_tensor("noise").clone()
        self.optimizer = self.adamw()
        self.run = torch.compile(self.model) if options["compile"] else self.model
        self.steps = 0

    @torch.no_grad()
    def load(self, file):
        own = self.model.state_dict()
        names = {name.removeprefix("weight/") for name in file.keys() if name.startswith("weight/")}
        if names != set(own):
            raise SystemExit(f"parameters differ: {sorted(names ^ set(own))}")
        for name, value in own.items():
            value.copy_(file.get_tensor("weight/" + name))

    def adamw(self):
        """Decay on what has more than one dimension, as in the official script."""
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": self.case["weightDecay"]},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.case["learningRate"], betas=(0.9, 0.95), eps=1e-8, fused=True)

    def forward(self, precision, index):
        noise = self.noise[index % len(self.noise)]
        with torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else contextlib.nullcontext():
            return self.run(self.image, noise)

    def loss(self, message):
        with torch.no_grad():
            return {"loss": self.forward(message["precision"], 0).item()}

    def step(self, _message):
        began = time.perf_counter_ns()
        loss = self.forward(self.precision, self.steps)
        loss.backward()
        value = loss.item()
        self.optimizer.step()
        self.optimizer.zero_grad()
        del loss
        self.steps += 1
        return {"milliseconds": (time.perf_counter_ns() - began) / 1e6, "loss": value}


def say(answer):
    print(json.dumps(answer), flush=True)


def main():
    training = Training(json.loads(sys.argv[1]))
    say({"ready": True, "threads": torch.get_num_threads(), "version": torch.__version__, "imported": training.imported})
    for line in sys.stdin:
        message = json.loads(line)
        if message["do"] == "end":
            return
        say({"loss": training.loss, "step": training.step}[message["do"]](message))


main()
