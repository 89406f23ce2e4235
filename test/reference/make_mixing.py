"""timm's Mixup (batch mode) and RandomErasing (mode pixel) with their draws.
usage: python make_mixing.py OUT.json        (needs torch, timm, numpy; made with timm 1.0.31, torch 2.15.0)
Images [4 2 4 6] hold (7 i) mod 23 - 11 at element i, so that only draws and results are stored."""
import json
import random
import sys

import numpy as np
import timm
import torch
from timm.data import mixup, random_erasing

shape = (4, 2, 4, 6)
labels = [2, 0, 1, 2]


def images(shape=shape):
    n = int(np.prod(shape))
    return ((7 * torch.arange(n)) % 23 - 11).float().reshape(shape)


def mixes():
    plain, found = mixup.cutmix_bbox_and_lam, []

    def recorded(img_shape, lam, **rest):
        (yl, yh, xl, xh), corrected = plain(img_shape, lam, **rest)
        found.append([float(lam), [int(yl), int(yh)], [int(xl), int(xh)]])
        return (yl, yh, xl, xh), corrected

    mixup.cutmix_bbox_and_lam = recorded
    for seed in (0, 2, 4, 9):
        np.random.seed(seed)
        mixing = mixup.Mixup(mixup_alpha=0.8, cutmix_alpha=1.0, label_smoothing=0.1, num_classes=3)
        draws, plain_params = [], mixing._params_per_batch

        def params():
            lam, cut = plain_params()
            draws.append((lam, cut))
            return lam, cut

        mixing._params_per_batch = params
        x, target = mixing(images(), torch.tensor(labels))
        (lam, cut), = draws
        box = found.pop() if cut else None
        yield {"kind": "cutmix" if cut else "mixup", "drawn": lam, "box": box and box[1:], "images": x.flatten().tolist(),
               "targets": target.flatten().tolist()}


def boxes():
    for seed in range(40):
        np.random.seed(100 + seed)
        h, w = np.random.randint(1, 40), np.random.randint(1, 40)
        lam, cy, cx = np.random.rand(), np.random.randint(0, h), np.random.randint(0, w)
        values = iter([cy, cx])
        plain, np.random.randint = np.random.randint, lambda *a, **k: next(values)
        (yl, yh, xl, xh), corrected = mixup.cutmix_bbox_and_lam((1, 1, h, w), lam)
        np.random.randint = plain
        yield {"size": [int(h), int(w)], "lambda": lam, "centre": [int(cy), int(cx)], "box": [[int(yl), int(yh)], [int(xl), int(xh)]],
               "corrected": float(corrected)}


def erasures():
    for seed in range(12):
        source, draws = random.Random(seed), []

        class Recorded:
            @staticmethod
            def random():
                draws.append(int(source.random() * 2**24) / 2**24)
                return draws[-1]
            uniform = staticmethod(lambda a, b: a + (b - a) * Recorded.random())
            randint = staticmethod(lambda a, b: a + int(Recorded.random() * (b - a + 1)))

        random_erasing.random = Recorded
        torch.manual_seed(seed)
        h, w = [(6, 8), (3, 3), (16, 4)][seed % 3]
        x = torch.zeros(1, 2, h, w)
        random_erasing.RandomErasing(0.75, mode="pixel", device="cpu")(x)
        erased = (x[0, 0] != 0).nonzero()
        region = None if len(erased) == 0 else [erased.min(0).values.tolist(), (erased.max(0).values + 1).tolist()]
        yield {"size": [h, w], "draws": draws, "region": region}


with open(sys.argv[1], "w") as file:
    json.dump({"source": f"timm {timm.__version__}, torch {torch.__version__}", "shape": shape, "labels": labels,
               "mixes": list(mixes()), "boxes": list(boxes()), "erasures": list(erasures())}, file)
