"""Attention of the class token by facebookresearch/dino's ViT (`get_last_selfattention`), for test/models/vit-trunk.test.ts.

usage: python make_attention.py --official CHECKOUT [--weights dino-vit.safetensors] [--out attention.json]
Weights and picture are those of a file of make_dino.py; a larger picture, the same repeated, has resized positions. float64."""
import argparse, json, os, sys
from functools import partial
import torch
from safetensors import safe_open

if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", required=True)
    parser.add_argument("--weights", default=os.path.join(here, "dino-vit.safetensors"))
    parser.add_argument("--out", default=os.path.join(here, "attention.json"))
    args = parser.parse_args()
    sys.path.insert(0, args.official)
    from vision_transformer import VisionTransformer
    with safe_open(args.weights, "pt") as file:
        config = json.loads(file.metadata()["config"])
        prefix = "weight/encoder."
        state = {name.removeprefix(prefix): file.get_tensor(name).double() for name in file.keys() if name.startswith(prefix)}
        image = file.get_tensor("view/global1").double()
    shape = config["model"]
    model = VisionTransformer(img_size=[config["data"]["imageSize"]], patch_size=shape["patchSize"], embed_dim=shape["width"], depth=shape["depth"],
                              num_heads=shape["heads"], qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6)).double().eval()
    model.load_state_dict(state)
    def maps(given):
        with torch.no_grad(): return [round(value, 8) for value in model.get_last_selfattention(given)[:, :, 0, 1:].flatten().tolist()]
    result = {"made": os.path.basename(args.weights), "own": maps(image), "wide": maps(image[:1].repeat(1, 1, 1, 2))}
    with open(args.out, "w") as out: json.dump(result, out, separators=(",", ":")); out.write("\n")
