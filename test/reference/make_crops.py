"""Numbers for test/methods/parts/multi-crop.test.ts and test/nn/positions.test.ts, read off the authors' code.

usage: python make_crops.py --dino CHECKOUT --swav CHECKOUT [--out crops.json]
packages: torch 2.15, torchvision 0.29, numpy 2.4, pillow 13

`dino`, `swav`: the steps of every crop of facebookresearch/dino's DataAugmentationDINO and facebookresearch/swav's
MultiCropDataset with the released settings, each step with its parameters. `positions`: what DINO's
VisionTransformer.interpolate_pos_encoding makes of a table for pictures of other sizes, and its gradient."""
import argparse, json, os, subprocess, sys, tempfile
import torch
from PIL import Image
from torchvision import transforms as T

FILTERS = {"InterpolationMode.BICUBIC": "bicubic", "InterpolationMode.BILINEAR": "bilinear"}


def steps(transform, chance=1.0):
    """Every step of a composed transform, with the probability of it."""
    name = type(transform).__name__
    if name == "Compose":
        return [step for part in transform.transforms for step in steps(part)]
    if name == "RandomApply":
        return [step for part in transform.transforms for step in steps(part, transform.p)]
    if name == "RandomResizedCrop":
        return [{"type": "randomResizedCrop", "size": list(transform.size), "scale": list(transform.scale), "ratio": list(transform.ratio),
                 "interpolation": FILTERS[str(transform.interpolation)]}]
    if name == "RandomHorizontalFlip": return [{"type": "flip", "probability": transform.p}]
    if name == "RandomGrayscale": return [{"type": "grayscale", "probability": transform.p}]
    if name == "ColorJitter":
        strength = lambda bounds: round(bounds[1] - 1, 12)
        return [{"type": "colorJitter", "brightness": strength(transform.brightness), "contrast": strength(transform.contrast),
                 "saturation": strength(transform.saturation), "hue": transform.hue[1], "probability": chance}]
    if name in ("GaussianBlur", "PILRandomGaussianBlur"):
        return [{"type": "gaussianBlur", "sigma": [transform.radius_min, transform.radius_max], "probability": transform.prob}]
    if name == "Solarization":
        return [{"type": "solarize", "threshold": 128, "probability": transform.p}]  # ImageOps.solarize's own threshold
    if name in ("ToTensor", "Normalize"): return []
    raise SystemExit(f"a step that is not known: {name}")


def dino(checkout):
    sys.path.insert(0, checkout)
    import main_dino
    augmentation = main_dino.DataAugmentationDINO((0.4, 1.), (0.05, 0.4), 8)
    return {"global1": steps(augmentation.global_transfo1), "global2": steps(augmentation.global_transfo2), "local": steps(augmentation.local_transfo)}


def positions(side=6, width=4):
    from vision_transformer import VisionTransformer
    torch.manual_seed(0)
    model = VisionTransformer(img_size=[side * 2], patch_size=2, embed_dim=width, depth=1, num_heads=1).double()
    table = torch.arange(model.pos_embed.numel(), dtype=torch.float64).mul(.7).sin()
    cases = []
    for w, h in ((12, 12), (4, 4), (4, 10), (20, 16)):
        model.pos_embed.data = table.reshape(model.pos_embed.shape).clone()
        model.pos_embed.grad = None
        tokens = torch.zeros(1, 1 + w * h // 4, width)
        result = model.interpolate_pos_encoding(tokens, w, h)
        weights = torch.arange(result.numel(), dtype=torch.float64).mul(1.3).cos().reshape(result.shape)
        (result * weights).sum().backward()
        cases.append({"grid": [w // 2, h // 2], "table": result.flatten().tolist(), "gradient": model.pos_embed.grad.flatten().tolist()})
    return {"grid": [side, side], "width": width, "cases": cases}


def swav(checkout):
    sys.path.insert(0, checkout)
    from src.multicropdataset import MultiCropDataset
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "a"))
        Image.new("RGB", (8, 8)).save(os.path.join(folder, "a", "picture.png"))
        crops = MultiCropDataset(folder, [224, 96], [2, 6], [0.14, 0.05], [1., 0.14]).trans
    return {"crops": [steps(crop) for crop in crops]}


def commit(checkout):
    return subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dino", required=True)
    parser.add_argument("--swav", required=True)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "crops.json"))
    args = parser.parse_args()
    made = {"official": [f"facebookresearch/dino {commit(args.dino)}", f"facebookresearch/swav {commit(args.swav)}"],
            "dino": dino(args.dino), "positions": positions(), "swav": swav(args.swav)}
    shortened = lambda value: round(value, 7) if isinstance(value, float) else value
    with open(args.out, "w") as file:
        json.dump(json.loads(json.dumps(made), parse_float=lambda text: shortened(float(text))), file, separators=(",", ":"))
        file.write("\n")
