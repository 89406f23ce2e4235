"""What torchvision makes of parts of a JPEG: pictures/photograph.jpg and pictures/jpeg-parts.npy [3 64 64 3].

Run: python make_jpeg_parts.py (torchvision, Pillow, scikit-learn for the photograph of a flower, numpy).
The photograph is "flower.jpg" of scikit-learn (CC BY, dany13 on Flickr), cut and stored again.
"""
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import resized_crop

FOLDER = Path(__file__).parent / "pictures"
# top, left, height, width: the same in test/data/decode/piece.test.ts
WINDOWS = [(31, 47, 131, 150), (8, 5, 228, 310), (70, 101, 37, 52)]

picture = Image.fromarray(load_sample_image("flower.jpg")).crop((150, 60, 470, 300))
picture.save(FOLDER / "photograph.jpg", quality=88, subsampling="4:2:0")
stored = Image.open(FOLDER / "photograph.jpg").convert("RGB")
parts = [np.asarray(resized_crop(stored, *window, [64, 64], InterpolationMode.BICUBIC)) for window in WINDOWS]
np.save(FOLDER / "jpeg-parts.npy", np.stack(parts))
