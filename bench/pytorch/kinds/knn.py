"""Weighted k-NN on features in memory: as DINO's eval_knn.py does it (a hundred chunks of queries), or scikit-learn's."""

import time

import numpy as np
import torch
from torch.nn import functional as F

from models.load import open_inputs

CHUNKS = 100


class Worker:
    def __init__(self, options):
        torch.set_num_threads(options["threads"])
        self.settings = options["settings"]
        _, tensors = open_inputs(options["inputs"])
        self.bank, self.queries = tensors["bank"], tensors["queries"]
        self.labels = torch.arange(len(self.bank)) % self.settings["classes"]
        self.predict = {"chunks": self.chunks, "sklearn": self.sklearn}[options["side"]]

    def about(self):
        return {"threads": torch.get_num_threads(), "version": torch.__version__}

    @torch.inference_mode()
    def chunks(self):
        k, classes, temperature = (self.settings[name] for name in ("k", "classes", "temperature"))
        bank = F.normalize(self.bank).T
        found = []
        for part in F.normalize(self.queries).chunk(CHUNKS):
            similarities, rows = (part @ bank).topk(k, dim=1)
            votes = torch.zeros(len(part), classes)
            votes.scatter_add_(1, self.labels[rows], (similarities / temperature).exp())
            found.append(votes.argmax(dim=1))
        return torch.cat(found).tolist()

    def sklearn(self):
        from sklearn.neighbors import KNeighborsClassifier

        temperature = self.settings["temperature"]
        votes = KNeighborsClassifier(
            self.settings["k"],
            algorithm="brute",
            metric="cosine",
            weights=lambda distances: np.exp((1 - distances) / temperature),
        )
        return votes.fit(self.bank.numpy(), self.labels.numpy()).predict(self.queries.numpy()).tolist()

    def check(self, _message):
        return {"values": self.predict()}

    def step(self, _message):
        began = time.perf_counter_ns()
        self.predict()
        return {"milliseconds": (time.perf_counter_ns() - began) / 1e6}
