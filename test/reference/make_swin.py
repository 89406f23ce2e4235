"""Forward passes and gradients of Swin Transformers with weights that a formula makes from a tensor's official name (make_convnets.py):
timm's for pictures whose maps windows divide, microsoft/esvit's for others, and names, shapes, features and logits of timm's and
microsoft/SimMIM's classifiers: test/reference/swin.json.

usage: python make_swin.py --esvit CHECKOUT --simmim CHECKOUT --out swin.json
needs torch, timm
"""
import argparse, json, re
from functools import partial
import timm, torch
from timm.models.swin_transformer import SwinTransformer
import official
from make_convnets import image, made, numbers, some

torch.set_num_threads(1)
BASE = dict(embed_dim=128, depths=(2, 2, 18, 2), num_heads=(4, 8, 16, 32))
NARROW = dict(embed_dim=16, depths=(2, 2, 2, 2), num_heads=(1, 2, 4, 8))
# pictures, side or sides, then what timm is told
CASES = {"tiny": (1, 224, {}),
         "base, window 14": (1, 224, dict(BASE, window_size=14)),
         "base, 192 px, window 6": (1, 192, dict(BASE, window_size=6)),
         "32 px": (2, 32, dict(NARROW, patch_size=1, window_size=4)),
         "wide": (2, (32, 96), dict(NARROW, patch_size=2, window_size=4)),
         "odd maps": (2, 56, dict(NARROW, patch_size=4, window_size=14))}
SIZES = {"tiny": "swin_tiny_patch4_window7_224", "small": "swin_small_patch4_window7_224", "base": "swin_base_patch4_window7_224",
         "large": "swin_large_patch4_window7_224"}


def official_name(name):
    """timm's stages begin with the merging that ends the official one before."""
    return re.sub(r"layers\.(\d)\.downsample", lambda m: f"layers.{int(m[1]) - 1}.downsample", name).replace("head.fc.", "head.")


def filled(model, rename=lambda name: name):
    model.load_state_dict({n: made(rename(n), v.shape) if v.is_floating_point() and "attn_mask" not in n else v for n, v in model.state_dict().items()})
    return model.eval()


def pictures(batch, size):
    return image(batch, size) if isinstance(size, int) else image(batch, max(size))[:, :, :size[0], :size[1]].contiguous()


def timm_case(batch, size, options):
    model = filled(SwinTransformer(img_size=size, num_classes=0, **options), official_name)
    x = pictures(batch, size)
    with torch.no_grad():
        maps = model.forward_intermediates(x, intermediates_only=True, norm=False)
        return {"maps": [some(m, 16) for m in maps], "map": some(model.forward_features(x).permute(0, 3, 1, 2), 32), "features": some(model(x), 32)}


def gradients(model, x, features, rename=lambda name: name):
    x.requires_grad_()
    out = features(model, x)
    (out * torch.from_numpy(numbers("weights", out.numel()).astype("float32").reshape(out.shape))).sum().backward()
    return {"features": some(out, 32), "image": some(x.grad), **{rename(n): some(p.grad, 8) for n, p in model.named_parameters()}}


def padded(checkout):
    """EsViT's code, built for large crops and given small ones, whose maps windows do not divide."""
    official.bare_package(checkout, "models")
    from models.swin_transformer import SwinTransformer as Esvit
    model = filled(Esvit(img_size=112, patch_size=2, num_classes=0, drop_path_rate=0, window_size=7, use_dense_prediction=True,
                         norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), **NARROW))
    whole, small = {}, {}
    with torch.no_grad(): whole = {"map": some(model.forward_features(image(2, 112))[1].transpose(1, 2).reshape(2, 128, 7, 7), 32)}
    small = gradients(model, image(2, 48), lambda m, x: m.forward_features(x)[0])
    return {"large": whole, "small": small}


def layouts(checkout):
    x, options = image(2, 32), dict(NARROW, img_size=32, patch_size=1, window_size=4, num_classes=3)
    theirs = filled(SwinTransformer(**options), official_name)
    official.bare_package(checkout, "models")
    from models.swin_transformer import SwinTransformer as Official
    ours = filled(Official(**options))
    def case(model, features):
        with torch.no_grad():
            return {"tensors": [[n, list(v.shape)] for n, v in model.state_dict().items()], "features": some(features(model), 32), "logits": some(model(x), 16)}
    return {"timm": case(theirs, lambda m: m.forward_head(m.forward_features(x), pre_logits=True)), "official": case(ours, lambda m: m.forward_features(x))}


def relative():
    """A table for windows of 3 brought to windows of 4, as the official load_pretrained does, and timm's function of the same formula."""
    from timm.layers.pos_embed_rel import resize_rel_pos_bias_table_simple
    table = made("table", (25, 2))
    return {"from": table.tolist(), "to": resize_rel_pos_bias_table_simple(table, (4, 4), (49, 2)).tolist()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("esvit", "simmim", "out"): parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    official.adapt()
    small = filled(SwinTransformer(img_size=32, num_classes=0, drop_path_rate=0, **CASES["32 px"][2]), official_name)
    out = {"versions": {"torch": torch.__version__, "timm": timm.__version__}, "official": {"esvit": official.commit_of(args.esvit), "SimMIM": official.commit_of(args.simmim)},
           "timm": {name: timm_case(*case) for name, case in CASES.items()}, "gradients": gradients(small, image(3, 32), lambda m, x: m(x), official_name),
           "padded": padded(args.esvit), "layouts": layouts(args.simmim), "relative": relative(),
           "parameters": {name: sum(p.numel() for p in timm.create_model(arch, num_classes=0).parameters()) for name, arch in SIZES.items()}}
    with open(args.out, "w") as file: json.dump(out, file, separators=(",", ":")); file.write("\n")


if __name__ == "__main__": main()
