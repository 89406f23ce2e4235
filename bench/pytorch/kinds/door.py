"""One small operation from Python, many times, less the same boxed call looped in C++: ../../workers/door.mjs alike."""

import ctypes
import time

import torch

OPERATIONS = {"matmul": ("aten::matmul", "", torch.matmul), "add": ("aten::add", "Tensor", torch.add)}


class Worker:
    def __init__(self, options):
        torch.set_num_threads(options["threads"])
        self.count = options["settings"]["batch"]
        self.name, self.overload, self.call = OPERATIONS[options["settings"]["operation"]]
        self.boxed = ctypes.CDLL(options["library"]).boxed
        self.boxed.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int64]
        self.boxed.restype = ctypes.c_double
        self.a, self.b = torch.full((8, 8), 0.5), torch.full((8, 8), 0.25)

    def about(self):
        return {"threads": torch.get_num_threads(), "version": torch.__version__}

    def check(self, _message):
        return {"values": self.call(self.a, self.b).flatten().tolist()}

    @torch.no_grad()
    def step(self, _message):
        a, b, call = self.a, self.b, self.call
        began = time.perf_counter()
        for _ in range(self.count):
            call(a, b)
        whole = time.perf_counter() - began
        looped = self.boxed(self.name.encode(), self.overload.encode(), self.count)
        each = 1000 / self.count
        return {"milliseconds": (whole - looped) * each, "whole": whole * each, "looped": looped * each}
