"""An ONNX file in onnxruntime on the CPU: the same for Lacuna's file and for that of PyTorch's exporter."""

import os
import time

import numpy as np
import onnxruntime


class Worker:
    def __init__(self, options):
        settings = options["settings"]
        session = onnxruntime.SessionOptions()
        session.intra_op_num_threads = self.threads = options["threads"]
        session.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the other side computes meanwhile
        path = os.path.join(options["folder"], options["file"])
        self.session = onnxruntime.InferenceSession(path, session, providers=["CPUExecutionProvider"])
        side = settings["imageSize"]
        image = np.random.default_rng(0).standard_normal((settings["batch"], 3, side, side), dtype=np.float32)
        self.inputs = {self.session.get_inputs()[0].name: image}

    def about(self):
        return {"threads": self.threads, "version": f"onnxruntime {onnxruntime.__version__}"}

    def tokens(self):
        return self.session.run(["last_hidden_state"], self.inputs)[0]

    def check(self, _message):
        return {"values": self.tokens()[:2].flatten().tolist()}

    def step(self, _message):
        began = time.perf_counter_ns()
        self.tokens()
        return {"milliseconds": (time.perf_counter_ns() - began) / 1e6}
