"""Numbers for test/data/{resample,transform}.test.ts, made by Pillow and torchvision.

    pip install torch torchvision pillow numpy
    python make_transforms.py            # writes transforms.json beside this file

Pictures are made from integers by a rule that the tests repeat, so that only results are stored: small ones as base64,
larger ones as SHA-256 of their bytes.
"""

import base64
import hashlib
import json
import pathlib

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms import functional as F

BICUBIC = InterpolationMode.BICUBIC


def picture(height, width, channels, seed):
    """Half noise (a linear congruential generator), half a steep pattern: overshoots and clipping occur."""
    count = height * width * channels
    state = seed & 0xFFFFFFFF
    values = np.empty(count, dtype=np.uint8)
    for i in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        pixel, channel = divmod(i, channels)
        y, x = divmod(pixel, width)
        pattern = 255 if ((x >> 2) + (y >> 3) + channel) % 3 == 0 else 0
        values[i] = (state >> 24) if (state >> 20) & 1 else pattern
    array = values.reshape(height, width, channels)
    return Image.fromarray(array[:, :, 0] if channels == 1 else array)


def stored(image):
    data = np.asarray(image).tobytes()
    result = {"size": [image.height, image.width]}
    if len(data) <= 768:
        result["base64"] = base64.b64encode(data).decode()
    else:
        result["sha256"] = hashlib.sha256(data).hexdigest()
    return result


def resize_cases():
    sizes = [
        (1, 1, 5, 7), (1, 9, 4, 4), (9, 1, 4, 4), (2, 3, 2, 3), (7, 5, 7, 9), (7, 5, 9, 5), (13, 11, 5, 11), (13, 11, 13, 4),
        (16, 16, 8, 8), (32, 32, 32, 32), (32, 32, 224, 224), (33, 47, 12, 16), (100, 37, 16, 16), (37, 100, 16, 16),
        (200, 3, 10, 3), (200, 3, 3, 20), (3, 200, 20, 3), (375, 500, 224, 224), (640, 91, 64, 64), (91, 640, 64, 64), (500, 375, 96, 64),
    ]
    cases = []
    for i, (h, w, out_h, out_w) in enumerate(sizes):
        for channels in (1, 3):
            image = picture(h, w, channels, i)
            result = image.resize((out_w, out_h), Image.Resampling.BICUBIC)
            cases.append({"input": [h, w, channels, i], **stored(result)})
    return cases


def box_cases():
    cases = []
    for i, (h, w, out_h, out_w, box) in enumerate([
        (40, 50, 16, 16, (3, 4, 33, 30)), (40, 50, 16, 12, (0.5, 1.25, 49.5, 38.75)), (40, 50, 30, 45, (10.1, 5.3, 20.7, 12.9)),
        (40, 50, 40, 50, (0, 0.5, 50, 39.5)), (120, 31, 8, 31, (0, 1.7, 31, 119.3)), (40, 50, 10, 20, (5, 0, 25, 40)),
    ]):
        image = picture(h, w, 3, 100 + i)
        result = image.resize((out_w, out_h), Image.Resampling.BICUBIC, box=box)
        cases.append({"input": [h, w, 3, 100 + i], "box": box, **stored(result)})
    return cases


def crop_cases():
    """resized_crop: the window is cut out first, so nothing outside it reaches into the result."""
    cases = []
    for i, (h, w, region, size) in enumerate([
        (375, 500, (20, 30, 225, 300), (224, 224)), (375, 500, (0, 0, 375, 500), (224, 224)), (375, 500, (375 - 61, 500 - 47, 61, 47), (224, 224)),
        (375, 500, (100, 7, 224, 224), (224, 224)), (375, 500, (11, 200, 224, 90), (224, 224)), (375, 500, (11, 200, 300, 224), (224, 224)),
        (32, 32, (5, 3, 17, 22), (32, 32)), (32, 32, (31, 31, 1, 1), (16, 16)), (32, 32, (0, 2, 28, 30), (32, 32)), (64, 300, (2, 10, 60, 45), (8, 40)),
        (300, 64, (3, 4, 290, 50), (16, 16)), (50, 40, (1, 2, 48, 37), (12, 16)),
    ]):
        image = picture(h, w, 3, 200 + i)
        result = F.resized_crop(image, *region, list(size), BICUBIC)
        cases.append({"input": [h, w, 3, 200 + i], "region": region, **stored(result)})
    return cases


def filter_cases():
    """Pillow's other filters: bilinear (torchvision's default) and Lanczos, of whole pictures, boxes and crops."""
    cases = []
    sizes = [(1, 9, 4, 4), (7, 5, 9, 5), (13, 11, 5, 11), (32, 32, 16, 16), (32, 32, 75, 80), (200, 3, 3, 20), (375, 500, 224, 224), (91, 640, 64, 64)]
    for name in ("bilinear", "lanczos"):
        method = Image.Resampling[name.upper()]
        for i, (h, w, out_h, out_w) in enumerate(sizes):
            for channels in (1, 3):
                image = picture(h, w, channels, 700 + i)
                cases.append({"input": [h, w, channels, 700 + i], "interpolation": name, **stored(image.resize((out_w, out_h), method))})
        for i, (out_h, out_w, box) in enumerate([(16, 12, (0.5, 1.25, 49.5, 38.75)), (30, 45, (10.1, 5.3, 20.7, 12.9)), (8, 31, (3, 4, 33, 30))]):
            image = picture(40, 50, 3, 720 + i)
            cases.append({"input": [40, 50, 3, 720 + i], "interpolation": name, "box": box, **stored(image.resize((out_w, out_h), method, box=box))})
    return cases


def shorter_side_cases():
    cases = []
    for i, (h, w, size) in enumerate([(40, 50, 16), (50, 40, 16), (375, 500, 256), (33, 33, 20), (17, 160, 12), (31, 7, 11), (5, 3, 8)]):
        image = picture(h, w, 3, 300 + i)
        cases.append({"input": [h, w, 3, 300 + i], "shorter": size, **stored(F.resize(image, [size], BICUBIC))})
    return cases


def center_crop_cases():
    cases = []
    for i, (h, w, size) in enumerate([
        (20, 30, (10, 10)), (21, 30, (10, 11)), (23, 33, (10, 10)), (5, 30, (10, 8)), (7, 7, (12, 12)), (6, 9, (9, 6)), (8, 5, (11, 5)), (256, 341, (224, 224)),
        (25, 27, (22, 22)), (10, 10, (10, 10)),
    ]):
        image = picture(h, w, 3, 400 + i)
        cases.append({"input": [h, w, 3, 400 + i], **stored(F.center_crop(image, list(size)))})
    return cases


def reflect_cases():
    cases = []
    for i, (h, w, padding, top, left) in enumerate([(8, 8, 2, 0, 0), (8, 8, 2, 4, 3), (9, 6, 4, 8, 1), (5, 7, 4, 3, 8), (3, 4, 7, 14, 0), (1, 5, 2, 1, 4), (32, 32, 4, 7, 0)]):
        image = picture(h, w, 3, 500 + i)
        padded = F.pad(image, [padding] * 4, padding_mode="reflect")
        cases.append({"input": [h, w, 3, 500 + i], "padding": padding, "place": [top, left], **stored(F.crop(padded, top, left, h, w))})
    return cases


def flip_cases():
    return [{"input": [h, w, c, 600], **stored(F.hflip(picture(h, w, c, 600)))} for h, w, c in ((1, 1, 3), (4, 5, 3), (6, 4, 1), (32, 32, 3))]


QUANTILES = [i / 20 for i in range(1, 20)]


def distribution_cases(draws=40000):
    """Quantiles of what RandomResizedCrop draws."""
    cases = []
    for seed, (h, w, scale, ratio) in enumerate([
        (375, 500, (0.2, 1.0), (3 / 4, 4 / 3)), (375, 500, (0.08, 1.0), (3 / 4, 4 / 3)), (200, 700, (0.2, 1.0), (3 / 4, 4 / 3)), (600, 300, (0.5, 1.0), (0.5, 2.0)),
    ]):
        torch.manual_seed(seed)
        blank = Image.new("RGB", (w, h))
        rows = np.array([RandomResizedCrop.get_params(blank, list(scale), list(ratio)) for _ in range(draws)], dtype=np.float64)
        top, left, height, width = rows.T
        free_top = np.where(h > height, top / np.maximum(h - height, 1), 0)
        free_left = np.where(w > width, left / np.maximum(w - width, 1), 0)
        measures = {"height": height, "width": width, "area": height * width / (h * w), "logRatio": np.log(width / height), "top": free_top, "left": free_left}
        cases.append({
            "size": [h, w], "scale": scale, "ratio": ratio,
            "quantiles": {name: [round(float(q), 5) for q in np.quantile(values, QUANTILES)] for name, values in measures.items()},
            "atMost": {name: [round(float((values <= np.round(q, 5) + 1e-5).mean()), 5) for q in np.quantile(values, QUANTILES)] for name, values in measures.items()},
        })
    return cases


def fallback_cases():
    """Pictures so long that no try fits: the central window is certain."""
    cases = []
    for h, w, ratio in ((4, 400, (3 / 4, 4 / 3)), (400, 4, (3 / 4, 4 / 3)), (7, 1000, (0.9, 1.5)), (1000, 9, (0.5, 0.7))):
        params = {RandomResizedCrop.get_params(Image.new("L", (w, h)), [0.9, 1.0], list(ratio)) for _ in range(50)}
        (only,) = params
        cases.append({"size": [h, w], "ratio": ratio, "scale": [0.9, 1.0], "region": only})
    return cases


def main():
    numbers = {
        "versions": {"pillow": PIL.__version__, "torchvision": torchvision.__version__.split("+")[0], "torch": torch.__version__.split("+")[0]},
        "resize": resize_cases(), "box": box_cases(), "resizedCrop": crop_cases(), "filter": filter_cases(), "shorterSide": shorter_side_cases(),
        "centerCrop": center_crop_cases(), "reflectPadCrop": reflect_cases(), "flip": flip_cases(),
        "fallback": fallback_cases(), "distribution": distribution_cases(),
    }
    target = pathlib.Path(__file__).with_name("transforms.json")
    body = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in numbers.items())
    target.write_text("{\n" + body + "\n}\n")
    print(target.name, target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
