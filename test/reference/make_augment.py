"""Numbers for test/data/transform/: colour operations and blurs by Pillow, torchvision's jitter, timm's RandAugment.

    pip install torch torchvision timm pillow numpy      (made with Pillow 13.0, torchvision 0.29.2, timm 1.0.31)
    python make_augment.py            # writes augment.json beside this file

Pictures are those of make_transforms.py, made from integers by a rule that the tests repeat; of results the first 16
digits of the SHA-256 of their bytes are stored. timm's draws are recorded in RandAugment's case, and repeated by the test.
"""
import hashlib
import json
import pathlib
import random

import numpy as np
import PIL
import timm
import torchvision
from make_transforms import picture
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from timm.data import auto_augment
from torchvision.transforms import functional as F

SIZES = [(24, 17, 3), (31, 40, 3), (3, 3, 3), (1, 5, 3), (20, 28, 1)]
NAMES = ["AutoContrast", "Equalize", "Invert", "Rotate", "PosterizeIncreasing", "SolarizeIncreasing", "SolarizeAdd",
         "ColorIncreasing", "ContrastIncreasing", "BrightnessIncreasing", "SharpnessIncreasing", "ShearX", "ShearY",
         "TranslateXRel", "TranslateYRel"]
SIGNED = {"Rotat", "Color", "Contr", "Brigh", "Sharp", "Shear", "Trans"}
FILL = (124, 116, 104)

# Magnitude 10 keeps 0 bits. Pillow until 12 gave black then, Pillow 13 refuses it, and timm fails with it.
plain_posterize = ImageOps.posterize
ImageOps.posterize = lambda image, bits: image.point(lambda _: 0) if bits == 0 else plain_posterize(image, bits)


def sha(image):
    return {"sha256": hashlib.sha256(np.asarray(image).tobytes()).hexdigest()[:16]}


def fill(channels):
    return FILL if channels == 3 else Image.new("RGB", (1, 1), FILL).convert("L").getpixel((0, 0))


def operations():
    """Every operation at several magnitudes and both signs."""
    for i, name in enumerate(NAMES):
        for seed, (h, w, channels) in enumerate(SIZES):
            image = picture(h, w, channels, 300 + 10 * i + seed)
            op = auto_augment.AugmentOp(name, prob=1, magnitude=0,
                                        hparams={"img_mean": fill(channels), "interpolation": Image.Resampling.BICUBIC})
            for magnitude in (0, 2.5, 5, 9, 9.37, 10):
                for sign in (1, -1) if name[:5] in SIGNED else (1,):
                    auto_augment._randomly_negate = lambda v, sign=sign: sign * v
                    args = op.level_fn(magnitude, op.hparams) if op.level_fn else ()
                    result = op.aug_fn(image, *args, **dict(op.kwargs))
                    yield {"operation": i, "magnitude": magnitude, "sign": sign, "input": [h, w, channels, 300 + 10 * i + seed], **sha(result)}


def enhancements():
    kinds = {"brightness": F.adjust_brightness, "contrast": F.adjust_contrast, "saturation": F.adjust_saturation, "hue": F.adjust_hue,
             "sharpness": F.adjust_sharpness, "blur": lambda image, s: image.filter(ImageFilter.GaussianBlur(s)),
             "solarize": lambda image, t: ImageOps.solarize(image, int(t)), "grayscale": lambda image, _: image.convert("L").convert(image.mode)}
    amounts = {"hue": [-0.5, -0.4, -0.1, -0.001, 0, 0.05, 0.1, 0.31, 0.5], "blur": [0, 0.1, 0.5, 1, 1.37, 2, 3.3, 20],
               "solarize": [0, 100, 128, 256], "grayscale": [0]}
    for kind, apply in kinds.items():
        for seed, (h, w, channels) in enumerate(SIZES):
            for amount in amounts.get(kind, [0, 0.2, 0.6, 0.9, 1, 1.1, 1.4, 2, 3.7]):
                if kind == "sharpness" and min(h, w) < 3:
                    continue  # torchvision leaves these alone; Pillow's filter fails
                yield {"kind": kind, "amount": amount, "input": [h, w, channels, 500 + seed], **sha(apply(picture(h, w, channels, 500 + seed), amount))}


def colours():
    """Every 4th value of each channel: 274,625 colours through hue and back, and through saturation."""
    levels = np.minimum(np.arange(0, 257, 4), 255).astype(np.uint8)
    cube = Image.fromarray(np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(65, -1, 3))
    for amount in (-0.37, -0.1, 0, 0.1, 0.25, 0.5):
        yield {"kind": "hue", "amount": amount, **sha(F.adjust_hue(cube, amount))}
    for amount in (0.35, 1.61):
        yield {"kind": "saturation", "amount": amount, **sha(F.adjust_saturation(cube, amount))}


def jitters():
    rng = random.Random(4)
    for seed in range(8):
        names = ["brightness", "contrast", "saturation", "hue"]
        rng.shuffle(names)
        changes = [[n, rng.uniform(-0.2, 0.2) if n == "hue" else rng.uniform(0.2, 1.8)] for n in names]
        image = picture(19, 23, 3, 600 + seed)
        for name, amount in changes:
            image = getattr(F, f"adjust_{name}")(image, amount)
        yield {"changes": changes, "input": [19, 23, 3, 600 + seed], **sha(image)}


def augmented():
    """timm's own RandAugment with what it drew: operations; then for each the gate, the normal number and the sign."""
    augment = auto_augment.rand_augment_transform("rand-m9-mstd0.5-inc1",
                                                  {"img_mean": FILL, "interpolation": Image.Resampling.BICUBIC})
    plain = random.Random(7)
    for seed in range(40):
        np.random.seed(seed)
        draws = []

        class Recorded:
            @staticmethod
            def random():
                draws.append(["uniform", int(plain.random() * 2**24) / 2**24])
                return draws[-1][1]

            @staticmethod
            def gauss(mean, deviation):
                draws.append(["normal", plain.gauss(0, 1)])
                return mean + deviation * draws[-1][1]

        auto_augment.random = Recorded
        auto_augment._randomly_negate = lambda v: -v if Recorded.random() > 0.5 else v
        choice = np.random.choice

        def recorded(ops, count, **rest):
            chosen = choice(len(ops), count, **rest)
            draws.extend(["integer", int(i)] for i in chosen)
            return [ops[i] for i in chosen]

        np.random.choice = recorded
        image = augment(picture(21, 18, 3, 700 + seed))
        np.random.choice = choice
        yield {"draws": draws, "input": [21, 18, 3, 700 + seed], **sha(image)}


enhanced, drawn = list(enhancements()), list(jitters())  # before RandAugment's module is patched
cube = list(colours())
result = {"source": f"Pillow {PIL.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}", "enhancements": enhanced,
          "colours": cube, "jitters": drawn, "operations": list(operations()), "augmented": list(augmented())}
path = pathlib.Path(__file__).with_name("augment.json")
path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
print(path, path.stat().st_size)
