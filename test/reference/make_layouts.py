"""Names and shapes that other programs give the tensors of their checkpoints, and what these programs compute with weights that a formula
makes from name and shape: test/reference/layouts.json. Nothing of the weights themselves is kept.

usage: python make_layouts.py --convnext CHECKOUT --moco CHECKOUT --out layouts.json [--widths 8 16 24 32] [--depths 1 2 1 1] [--classes 3]
CHECKOUT: facebookresearch/ConvNeXt-V2 and facebookresearch/moco-v3
needs torch, torchvision, timm, transformers
"""
import argparse, json, sys, tempfile
from functools import partial
from pathlib import Path
import timm, torch, torchvision, transformers
import official
from make_convnets import image, made, some
from make_moco_v3 import narrow


def weights(model):
    return {n: torch.tensor(0) if n.endswith("tracked") else made(n, p.shape) for n, p in model.state_dict().items()}


def loaded(model):
    state = weights(model)
    model.load_state_dict(state, strict=True)
    return model.eval(), [[n, list(v.shape)] for n, v in state.items()]


@torch.no_grad()
def case(model, features, x, logits=None):
    model, names = loaded(model)
    out = {"tensors": names, "features": some(features(model, x), 16)}
    return {**out, "logits": some(logits(model, x), 16)} if logits else out


def convnext_timm(args, x):
    from timm.models.convnext import ConvNeXt
    model = ConvNeXt(num_classes=args.classes, depths=args.depths, dims=args.widths, use_grn=True, ls_init_value=None)
    return case(model, lambda m, x: m.forward_head(m.forward_features(x), pre_logits=True), x, lambda m, x: m(x))


def convnext_transformers(args, x):
    config = transformers.ConvNextV2Config(hidden_sizes=args.widths, depths=args.depths, num_labels=args.classes, layer_norm_eps=1e-6, image_size=64)
    model = transformers.ConvNextV2ForImageClassification(config)
    out = case(model, lambda m, x: m.convnextv2(x).pooler_output, x, lambda m, x: m(x).logits)
    bare = transformers.ConvNextV2Model(config)
    return {**out, "bare": [[n, list(v.shape)] for n, v in bare.state_dict().items()], "configs": {"classifier": saved(model), "encoder": saved(bare)}}


def saved(model):
    """config.json as save_pretrained writes it, without the version."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        config = json.loads((Path(folder) / "config.json").read_text())
    config.pop("transformers_version")
    return config


def convnext_official(args, x):
    sys.path.insert(0, args.convnext)
    import minkowski; minkowski.install()
    from models import convnextv2, fcmae
    from utils import remap_checkpoint_keys
    dense = convnextv2.ConvNeXtV2(num_classes=args.classes, depths=args.depths, dims=args.widths)
    yield "official", case(dense, lambda m, x: m.forward_features(x), x, lambda m, x: m(x))
    sparse, names = loaded(fcmae.FCMAE(img_size=64, depths=args.depths, dims=args.widths, decoder_embed_dim=16, patch_size=32))
    encoder = {k: v for k, v in sparse.state_dict().items() if k.startswith("encoder.")}
    left = dense.load_state_dict(remap_checkpoint_keys(encoder), strict=False)
    assert not left.unexpected_keys and {k.split(".")[0] for k in left.missing_keys} == {"norm", "head"}
    dense.norm.weight.data.fill_(1); dense.norm.bias.data.fill_(0)
    with torch.no_grad(): features = some(dense.forward_features(x), 16)
    yield "fcmae", {"tensors": names, "features": features}


def resnets(args, x):
    for name in ("resnet18", "resnet34", "resnet50"):
        def trunk(m, x):
            m.fc = torch.nn.Identity()
            return m(x)
        model = torchvision.models.get_model(name, num_classes=args.classes)
        with torch.no_grad(): logits = some(loaded(model)[0](x), 16)
        out = case(model, trunk, x)
        with_timm = timm.create_model(name, num_classes=args.classes)
        assert [[n, list(v.shape)] for n, v in with_timm.state_dict().items()] == out["tensors"], name
        with torch.no_grad(): yield name, {**out, "logits": logits, "timm": some(loaded(with_timm)[0](x), 16)}


def moco(args, x):
    sys.path.insert(0, args.moco)
    import moco.builder, vits
    vit = partial(vits.VisionTransformerMoCo, img_size=64, patch_size=16, embed_dim=48, depth=2, num_heads=12, qkv_bias=True,
                  norm_layer=partial(torch.nn.LayerNorm, eps=1e-6))
    for name, model, head in (("moco-v3 vit", moco.builder.MoCo_ViT(vit, 16, 32, 0.2), "head"),
                              ("moco-v3 resnet", moco.builder.MoCo_ResNet(narrow(8, "basic", [1, 1, 1, 1]), 16, 32, 1.), "fc")):
        wrapped = torch.nn.Module(); wrapped.module = model
        wrapped, names = loaded(wrapped)
        out = {"tensors": names}
        for which in ("base_encoder", "momentum_encoder"):
            encoder = getattr(model, which); setattr(encoder, head, torch.nn.Identity())
            with torch.no_grad(): out[which] = some(encoder(x), 16)
        yield name, out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("convnext", "moco", "out"): parser.add_argument("--" + name, required=True)
    parser.add_argument("--widths", type=int, nargs=4, default=[8, 16, 24, 32])
    parser.add_argument("--depths", type=int, nargs=4, default=[1, 2, 1, 1])
    parser.add_argument("--classes", type=int, default=3)
    args = parser.parse_args()
    official.adapt()
    torch.manual_seed(0)
    x = image(2, 64)
    cases = {"timm": convnext_timm(args, x), "transformers": convnext_transformers(args, x), **dict(convnext_official(args, x)),
             **dict(resnets(args, x)), **dict(moco(args, x))}
    versions = {m.__name__: m.__version__ for m in (torch, torchvision, timm, transformers)}
    settings = {"widths": args.widths, "depths": args.depths, "classes": args.classes}
    Path(args.out).write_text(json.dumps({"versions": versions, "settings": settings, "cases": cases}, separators=(",", ":")) + "\n")


if __name__ == "__main__": main()
