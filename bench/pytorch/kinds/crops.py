"""Pictures on the way to a model with torchvision on Pillow: the crops that were planned, uint8 pixels in one block."""

import json
import os
import time

import numpy as np
import torch
import torchvision
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F


class Worker:
    def __init__(self, options):
        torch.set_num_threads(options["threads"])
        settings = options["settings"]
        self.batch, self.size = settings["batch"], settings["size"]
        with open(options["inputs"]) as file:
            self.plan = json.load(file)
        self.pixels = np.empty((self.batch, self.size, self.size, 3), np.uint8)
        self.place = 0

    def about(self):
        return {"threads": torch.get_num_threads(), "version": f"{torch.__version__}, torchvision {torchvision.__version__}"}

    def fill(self):
        """The next batch, in the order of the files."""
        per_epoch = len(self.plan["names"]) // self.batch
        epoch, index = divmod(self.place, per_epoch)
        self.place += 1
        if epoch == len(self.plan["plan"]):
            raise SystemExit("the plan of crops is at its end: fewer pairs, please")
        first = index * self.batch
        return self.cut(first, self.plan["plan"][epoch][first : first + self.batch])

    def cut(self, first, crops, resized=None):
        """These crops of the pictures from `first` on; of pictures whose shorter side is first made `resized` long, where it is given."""
        for i, (top, left, height, width, mirrored) in enumerate(crops):
            with Image.open(os.path.join(self.plan["root"], self.plan["names"][first + i])) as file:
                picture = file.convert("RGB")
            if resized is not None:
                picture = F.resize(picture, resized, InterpolationMode.BICUBIC)
            size = [self.size, self.size]
            picture = F.resized_crop(picture, top, left, height, width, size, InterpolationMode.BICUBIC)
            self.pixels[i] = np.asarray(F.hflip(picture) if mirrored else picture)
        return self.pixels

    def check(self, _message):
        """The means of blocks of 8 × 8 pixels of the first 8 crops."""
        across = self.size // 8
        pixels, packed = self.fill(), self.plan.get("resized")
        if packed is not None:
            pixels = self.cut(0, packed["crops"], packed["size"])
        blocks = pixels[:8].reshape(8, across, 8, across, 8, 3).astype(np.float64)
        return {"values": blocks.mean(axis=(2, 4)).flatten().tolist()}

    def step(self, _message):
        began = time.perf_counter_ns()
        self.fill()
        return {"milliseconds": (time.perf_counter_ns() - began) / 1e6}
