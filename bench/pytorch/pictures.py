"""Cuts JPEG files like ImageNet's out of large photographs. usage: python pictures.py OUT COUNT FOLDER

Mostly 500 x 375, quality 85 to 96, 4:2:0, every tenth progressive. Windows that compress below 0.35 byte a pixel are refused:
a smooth sky decodes much faster than what photographs show (ImageNet: about 0.6). The same files for the same photographs.
"""

import io
import pathlib
import random
import sys

from PIL import Image

SIZES = [(500, 375)] * 6 + [(375, 500)] * 2 + [(500, 333), (500, 500), (640, 480)]
FEWEST_BYTES_A_PIXEL = 0.35
TRIES, FROM_ONE = 60, 12


def photographs(folder):
    """Colour JPEG files whose shorter side has at least 1000 pixels."""
    for path in sorted(pathlib.Path(folder).rglob("*.jp*g")):
        if path.is_symlink():
            continue
        try:
            with Image.open(path) as picture:
                if min(picture.size) >= 1000 and picture.mode == "RGB":
                    yield path
        except OSError:
            pass


def window(picture, draw, progressive):
    """A random window as the bytes of a JPEG file; None where it does not fit or is too smooth."""
    scale = draw.uniform(0.18, 0.6)
    width, height = draw.choice(SIZES)
    wide, high = int(width / scale), int(height / scale)
    if wide > picture.width or high > picture.height:
        return None
    x, y = draw.randrange(picture.width - wide + 1), draw.randrange(picture.height - high + 1)
    small = picture.crop((x, y, x + wide, y + high)).resize((width, height), Image.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=draw.randint(85, 96), subsampling=2, progressive=progressive)
    return file.getvalue() if file.tell() >= FEWEST_BYTES_A_PIXEL * width * height else None


def main(out, count, folder):
    draw, made = random.Random(0), 0
    out = pathlib.Path(out)
    out.mkdir(parents=True)
    sources = list(photographs(folder))
    while made < count and sources:
        for path in list(sources):
            with Image.open(path) as file:
                picture = file.convert("RGB")
            found = 0
            for _ in range(TRIES):
                if made == count or found == FROM_ONE:
                    break
                data = window(picture, draw, made % 10 == 9)
                if data is not None:
                    (out / f"{made:05d}.jpg").write_bytes(data)
                    made, found = made + 1, found + 1
            if found == 0:
                sources.remove(path)
    if made < count:
        raise SystemExit(f"only {made} of {count} windows were found in the photographs of {folder}")


main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
