"""Small pictures of odd kinds and what Pillow shows of them: test/reference/pictures/ and pictures.json in it.

    python test/reference/make_pictures.py            (Pillow 12 or newer, numpy)

Expected pixels are Pillow's own: `ImageOps.exif_transpose`, first frame, colour profile applied by LittleCMS, CMYK by
`convert("RGB")`, alpha composited on white, 16 bits by their upper byte. `tolerance` is the largest difference in levels
that a decoder may show: 0 where the format is lossless, up to 6 where a fast inverse DCT is compared with the slow one.
"""
import io
import json
import pathlib
import struct
import zlib

import numpy as np
import PIL
from PIL import Image, ImageCms, ImageOps

OUT = pathlib.Path(__file__).parent / "pictures"
H, W = 18, 26
y, x = np.mgrid[0:H, 0:W]
expected = {}


def smooth():
    """A picture without symmetry: every orientation looks different."""
    return np.stack([x * 9 + 10, y * 13 + x, 240 - x * 4 - y * 6], -1).clip(0, 255).astype(np.uint8)


def rgb_of(path):
    im = Image.open(path)
    im.seek(0)
    im = ImageOps.exif_transpose(im)
    if "A" in im.getbands() or "transparency" in im.info:
        white = Image.new("RGBA", im.size, "white")
        return Image.alpha_composite(white, im.convert("RGBA")).convert("RGB")
    return im.convert("RGB")


def note(name, tolerance, pixels=None):
    pixels = np.asarray(rgb_of(OUT / name)) if pixels is None else pixels
    height, width, _ = pixels.shape
    expected[name] = {"height": height, "width": width, "tolerance": tolerance, "rgb": pixels.astype(np.uint8).tobytes().hex()}


def save(name, array_or_image, tolerance, pixels=None, **options):
    im = array_or_image if isinstance(array_or_image, Image.Image) else Image.fromarray(array_or_image)
    im.save(OUT / name, **options)
    note(name, tolerance, pixels)


def png16(name, array):
    """Pillow cannot write 16-bit colour."""
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[array.shape[2]]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    chunk = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
    header = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 16, kind, 0, 0, 0)
    (OUT / name).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def swapped_profile():
    """sRGB with its red and blue primaries exchanged: a profile that nobody can mistake for sRGB."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = {}
    for i in range(struct.unpack(">I", data[128:132])[0]):
        tag = 132 + 12 * i
        at[bytes(data[tag : tag + 4])] = tag
    red, blue = at[b"rXYZ"], at[b"bXYZ"]
    data[red + 4 : red + 12], data[blue + 4 : blue + 12] = data[blue + 4 : blue + 12], data[red + 4 : red + 12]
    return bytes(data)


def linear_profile():
    """sRGB's primaries with a straight line for a tone curve, which a look at the primaries alone takes for sRGB."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for i in range(struct.unpack(">I", data[128:132])[0]):
        tag = 132 + 12 * i
        if bytes(data[tag : tag + 4]) in (b"rTRC", b"gTRC", b"bTRC"):
            at = struct.unpack(">I", data[tag + 4 : tag + 8])[0]
            data[at : at + 12] = b"curv" + bytes(8)  # no points: the identity
            data[tag + 8 : tag + 12] = struct.pack(">I", 12)
    return bytes(data)


def orientations():
    upright = smooth()
    for value in range(1, 9):
        # The inverse of what exif_transpose will do.
        stored = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.swapaxes(0, 1),
                  6: np.rot90(upright, 1), 7: upright[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(upright, -1)}[value]
        exif = Image.Exif()
        exif[0x0112] = value
        save(f"orientation-{value}.jpg", np.ascontiguousarray(stored), 6, quality=95, subsampling=0, exif=exif)
    exif[0x0112] = 6
    stored = np.ascontiguousarray(np.rot90(upright, 1))
    save("orientation-6.png", stored, 0, exif=exif)
    save("orientation-6.webp", stored, 0, lossless=True, exif=exif)
    save("orientation-6.tif", stored, 0, compression="tiff_lzw", tiffinfo={0x0112: 6})


def jpegs():
    rgb = smooth()
    save("420.jpg", rgb, 6, quality=92, subsampling=2)
    save("progressive.jpg", rgb, 6, quality=92, subsampling=0, progressive=True)
    save("grey.jpg", rgb[..., 1], 6, quality=92)
    save("cmyk.jpg", Image.fromarray(np.dstack([rgb, x * 5]).astype(np.uint8), "CMYK"), 3, quality=95, subsampling=0)
    save("rgb-coded.jpg", rgb, 6, quality=95, keep_rgb=True)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    save("srgb-profile.jpg", rgb, 6, quality=95, subsampling=0, icc_profile=srgb.tobytes())
    swapped, linear, fine = swapped_profile(), linear_profile(), {"quality": 95, "subsampling": 0}
    for name, tolerance, options, icc in [
        ("other-profile.jpg", 5, fine, swapped),
        ("other-profile.png", 3, {}, swapped),
        ("other-profile.webp", 3, {"lossless": True}, swapped),
        ("other-profile.tif", 3, {"compression": "tiff_lzw"}, swapped),
        ("linear-profile.jpg", 2, fine, linear),
    ]:
        Image.fromarray(rgb).save(OUT / name, icc_profile=icc, **options)
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        shown = ImageCms.profileToProfile(Image.open(OUT / name), profile, srgb, renderingIntent=ImageCms.Intent.PERCEPTUAL)
        note(name, tolerance, np.asarray(shown))


def others():
    rgb = smooth()
    alpha = (x * 10).clip(0, 255).astype(np.uint8)
    save("rgb.png", rgb, 0)
    save("rgba.png", np.dstack([rgb, alpha]), 0)
    save("grey-alpha.png", Image.fromarray(np.dstack([rgb[..., 1], alpha]), "LA"), 0)
    save("bilevel.png", Image.fromarray(((x // 3 + y // 2) % 2 * 255).astype(np.uint8)).convert("1"), 0)
    palette = Image.fromarray(rgb).quantize(31)
    save("palette-4bit.png", Image.fromarray(rgb).quantize(13), 0, bits=4)
    save("palette-transparent.png", palette, 0, transparency=bytes([0, 90, 255] + [200] * 28))
    save("animated.gif", palette, 0, save_all=True, append_images=[Image.new("RGB", (W, H), "red")], duration=50)
    save("animated.webp", Image.fromarray(rgb), 0, save_all=True, append_images=[Image.new("RGB", (W, H), "red")], lossless=True)
    save("lossy.webp", rgb, 3, quality=90)
    save("alpha.webp", np.dstack([rgb, alpha]), 0, lossless=True, exact=True)
    save("lzw.tif", rgb, 0, compression="tiff_lzw")
    unit = Image.fromarray(rgb[..., 0].astype(np.float32) / 255)
    save("floats.tif", unit, 0, np.repeat(rgb[..., :1], 3, -1), compression="tiff_deflate")
    save("cmyk.tif", Image.fromarray(np.dstack([rgb, x * 5]).astype(np.uint8), "CMYK"), 0)
    save("pages.tif", Image.fromarray(rgb), 0, save_all=True, append_images=[Image.new("RGB", (W, H), "red")])
    save("colour.avif", rgb, 4, quality=90, subsampling="4:4:4")
    deep = (rgb.astype(np.uint16) << 8) + (x * 9).astype(np.uint16)[..., None]
    png16("deep-grey.png", deep[..., 1:2])
    note("deep-grey.png", 0, np.repeat(deep[..., 1:2] >> 8, 3, -1))
    png16("deep-rgb.png", deep)
    note("deep-rgb.png", 0)
    assert (np.asarray(rgb_of(OUT / "deep-rgb.png")) == deep >> 8).all()


OUT.mkdir(exist_ok=True)
orientations()
jpegs()
others()
text = {"made with": f"Pillow {PIL.__version__}", "pictures": expected}
(OUT / "pictures.json").write_text(json.dumps(text, indent=1) + "\n")
