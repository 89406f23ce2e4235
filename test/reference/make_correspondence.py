"""EsViT's accuracy of correspondence by its official code (microsoft/esvit, analyze_models.py, accuracy_correspondence): for drawn features of a
picture's places and of the mirrored picture's, the share of right ones among the ten most similar, and their mean distance in pixels. The views
that it makes are its own; the network is stood in for by one that gives the drawn features. Modules that draw pictures are stood in for.

usage: python make_correspondence.py --official CHECKOUT [--out correspondence.json]
needs torch, torchvision, timm, einops"""
import argparse, json, os, sys, tempfile, types
from pathlib import Path
import torch
import official
from make_esvit import Anything


class Drawn:
    """A network that gives what was drawn, one view after the other."""
    def __init__(self, *features): self.features = list(features)
    def forward_feature_maps(self, image): return None, self.features.pop(0)[None]


def cases():
    """name, features of a picture [49 8], of the mirrored one [49 8]: right but for noise, more and more of it"""
    for noise in (0., .3, .7, 1.5, 4.):
        first = torch.randn(49, 8)
        mirrored = first.reshape(7, 7, 8).flip(1).reshape(49, 8) + noise * torch.randn(49, 8)
        yield noise, [(x * 1000).round() / 1000 for x in (first, mirrored)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", required=True)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "correspondence.json"))
    args = parser.parse_args()
    sys.path.insert(0, args.official)
    official.adapt()
    official.bare_package(args.official, "models")
    for name in ("cv2", "requests", "skimage", "skimage.io", "skimage.measure", "matplotlib", "matplotlib.pyplot", "matplotlib.patches", "config",
                 "models.build", "datasets", "timm.data.transforms", "timm.data.auto_augment"):
        sys.modules[name] = Anything(name)
    sys.modules["models"].build_model = None
    import analyze_models
    torch.manual_seed(0)
    found = []
    for noise, (first, mirrored) in cases():
        analyze_models.model = Drawn(first, mirrored)
        settings = types.SimpleNamespace(seed=0, output_dir=tempfile.mkdtemp(), arch="swin_tiny")
        accuracy, distance, _ = analyze_models.accuracy_correspondence(torch.rand(1, 3, 224, 224), settings)
        found.append({"noise": noise, "first": first.flatten().tolist(), "mirrored": mirrored.flatten().tolist(), "accuracy": accuracy, "distance": float(distance)})
        print(noise, accuracy, float(distance))
    text = lambda values: [round(v, 3) for v in values]
    for one in found: one.update(first=text(one["first"]), mirrored=text(one["mirrored"]))
    Path(args.out).write_text(json.dumps({"torch": torch.__version__, "official": f"microsoft/esvit {official.commit_of(args.official)}", "cases": found}, separators=(",", ":")) + "\n")
