"""Mean and deviation of each channel of two small sets, by numpy, every picture with the same weight.

    pip install numpy pillow torch torchvision      (made with numpy 2)
    python make_statistics.py        # writes statistics.json beside this file

The pictures are those of make_transforms.py: 12 in colour of several sizes, 6 of five channels."""
import json
import pathlib

import numpy as np
from make_transforms import picture

SIZES = [(20, 30), (33, 17), (8, 8), (41, 40)]


def bands(height, width, channels, seed):
    """make_transforms' rule for any number of channels, which PIL's pictures have not."""
    state, values = seed, np.empty(height * width * channels, np.uint8)
    for i in range(len(values)):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        pixel, channel = divmod(i, channels)
        y, x = divmod(pixel, width)
        values[i] = (state >> 24) if (state >> 20) & 1 else 255 * (((x >> 2) + (y >> 3) + channel) % 3 == 0)
    return values.reshape(height, width, channels)


def statistics(arrays):
    arrays = [np.asarray(a).astype(np.float64) / 255 for a in arrays]
    mean = np.mean([a.mean((0, 1)) for a in arrays], 0)
    square = np.mean([(a**2).mean((0, 1)) for a in arrays], 0)
    return {"mean": mean.tolist(), "deviation": np.sqrt(square - mean**2).tolist()}


assert np.array_equal(bands(9, 7, 3, 5), np.asarray(picture(9, 7, 3, 5)))
colour = [[*SIZES[i % 4], 3, 800 + i] for i in range(12)]
five = [[*SIZES[i % 2], 5, 900 + i] for i in range(6)]
result = {"colour": {"pictures": colour, **statistics([bands(*p) for p in colour])}, "five": {"pictures": five, **statistics([bands(*p) for p in five])}}
same = [bands(16, 16, 3, i) for i in range(4)]  # of one size the weights change nothing: numpy's own std over all pixels
assert np.allclose(statistics(same)["deviation"], (np.stack(same) / 255).std((0, 1, 2)))
path = pathlib.Path(__file__).with_name("statistics.json")
path.write_text(json.dumps(result) + "\n")
print(path, path.stat().st_size)
