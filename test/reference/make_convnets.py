"""Forward passes and gradients of timm's ConvNeXt V2 and torchvision's ResNet with weights that a formula makes from a tensor's name, so
that nothing but a few numbers need be kept: test/reference/convnets.json.

usage: python make_convnets.py OUT.json
needs torch, torchvision, timm
"""
import json, sys, zlib
import numpy as np, timm, torch, torchvision
from timm.models.convnext import ConvNeXt, checkpoint_filter_fn

torch.set_num_threads(1)
PERIOD = 1048573                                                           # a prime: rows of a matrix differ


def uniform(name, count):
    """count numbers in [-1, 1) on a grid of 2^-23: MurmurHash3's finaliser of the index, keyed by the name's CRC-32."""
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(zlib.crc32(name.encode()))
    x ^= x >> 16; x *= np.uint32(0x85EBCA6B); x ^= x >> 13; x *= np.uint32(0xC2B2AE35); x ^= x >> 16
    return (x >> 8).astype(np.float64) / 2**23 - 1


TABLE = uniform("table", PERIOD)


def numbers(name, count):
    """count numbers of the table from a place that the name says, again and again."""
    start = zlib.crc32(name.encode()) % PERIOD
    return np.resize(np.roll(TABLE, -start), count)


def made(name, shape):
    v = numbers(name, int(np.prod(shape)))
    end = name.rsplit(".", 1)[-1]
    if end == "running_var": v = 1 + 0.5 * v
    elif end in ("gamma", "beta"): v = 0.5 * v
    elif len(shape) == 1: v = 1 + 0.25 * v if end == "weight" else 0.125 * v
    else: v = v * (1.5 / np.sqrt(np.prod(shape[1:], dtype=np.float64)))
    return torch.from_numpy(v.astype(np.float32).reshape(shape))


def some(tensor, count=64):
    """count values, evenly spaced, and the largest: differences are judged against that."""
    flat = tensor.detach().flatten()
    step = max(1, flat.numel() // count)
    return {"shape": list(tensor.shape), "step": step, "values": [float(f"{v:.9g}") for v in flat[::step][:count].tolist()],
            "largest": flat.abs().max().item()}


def image(batch, side): return torch.from_numpy((1.5 * uniform("image", batch * 3 * side * side)).astype(np.float32).reshape(batch, 3, side, side))


def official_shapes(dims, depths, stem):
    """The official state dict without its head."""
    out = {}
    def layer(name, o, *rest): out[name + ".weight"] = (o, *rest); out[name + ".bias"] = (o,)
    layer("downsample_layers.0.0", dims[0], 3, stem, stem); layer("downsample_layers.0.1", dims[0])
    for i in range(1, 4): layer(f"downsample_layers.{i}.0", dims[i - 1]); layer(f"downsample_layers.{i}.1", dims[i], dims[i - 1], 2, 2)
    for s in range(4):
        for b in range(depths[s]):
            p, c = f"stages.{s}.{b}.", dims[s]
            layer(p + "dwconv", c, 1, 7, 7); layer(p + "norm", c); layer(p + "pwconv1", 4 * c, c); layer(p + "pwconv2", c, 4 * c)
            out[p + "grn.gamma"] = out[p + "grn.beta"] = (1, 1, 1, 4 * c)
    layer("norm", dims[3])
    return out


def convnext(dims, depths, stem=4):
    """timm's model with the official weights of the formula, converted by timm's own function; the names in timm."""
    with torch.device("meta"):
        model = ConvNeXt(num_classes=0, depths=depths, dims=dims, use_grn=True, ls_init_value=None)
        model.stem[0] = torch.nn.Conv2d(3, dims[0], stem, stem)            # timm's patch_size=2 would add a downsampling
    state = {name: made(name, shape) for name, shape in official_shapes(dims, depths, stem).items()}
    model.load_state_dict(checkpoint_filter_fn(dict(state), model), strict=True, assign=True)
    ours = {name: next(iter(checkpoint_filter_fn({name: value}, model))) for name, value in state.items()}
    return model.eval(), ours


def sizes():
    entry = {"atto": (40, (2, 2, 6, 2)), "femto": (48, (2, 2, 6, 2)), "pico": (64, (2, 2, 6, 2)), "nano": (80, (2, 2, 8, 2)),
             "tiny": (96, (3, 3, 9, 3)), "base": (128, (3, 3, 27, 3)), "large": (192, (3, 3, 27, 3)), "huge": (352, (3, 3, 27, 3))}
    for name, (c, depths) in entry.items():
        with torch.device("meta"): published = timm.create_model(f"convnextv2_{name}")
        model, _ = convnext((c, 2 * c, 4 * c, 8 * c), depths)
        assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in published.parameters()) - 8 * c * 1000 - 1000
        with torch.no_grad(): maps = model.forward_intermediates(image(2, 64), intermediates_only=True, norm=False)
        with torch.no_grad(): features = model(image(2, 64))
        yield name, {"maps": [some(m) for m in maps], "features": some(features)}
        print(name, flush=True)


def convnext_gradients():
    size = ((16, 24, 32, 48), (1, 2, 1, 1), 2)
    (model, names), shapes = convnext(*size), official_shapes(*size)
    x = image(3, 48).requires_grad_()
    features = model(x)
    (features * torch.from_numpy(numbers("weights", features.numel()).astype(np.float32).reshape(features.shape))).sum().backward()
    parameters = dict(model.named_parameters())
    return {"features": some(features), "image": some(x.grad, 64), **{n: some(parameters[t].grad.reshape(shapes[n]), 8) for n, t in names.items()}}


def resnet(name, stem="imagenet"):
    with torch.device("meta"): model = torchvision.models.get_model(name, num_classes=1)
    if stem == "cifar":
        with torch.device("meta"): model.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        model.maxpool = torch.nn.Identity()
    state = {n: torch.tensor(0) if n.endswith("tracked") else made(n, p.shape) for n, p in model.state_dict().items()}
    model.load_state_dict(state, strict=True, assign=True)
    model.fc = torch.nn.Identity()
    return model.eval()


def maps_of(model, x):
    x = model.maxpool(model.relu(model.bn1(model.conv1(x))))
    out = []
    for layer in (model.layer1, model.layer2, model.layer3, model.layer4): x = layer(x); out.append(x)
    return out


def resnet_numbers(name, stem, side):
    """Training is in float64: in float32 a ReLU on the other side of zero, which rounding decides, changes gradients by up to a tenth."""
    model = resnet(name, stem)
    with torch.no_grad(): evaluated = {"maps": [some(m) for m in maps_of(model, image(2, side))], "features": some(model(image(2, side)))}
    model.double().train()
    for p in model.parameters(): p.requires_grad_()
    features = model(image(4, side).double())
    (features * torch.from_numpy(numbers("weights", features.numel()).astype(np.float32).reshape(features.shape)).double()).sum().backward()
    trained = {"features": some(features), "gradients": {n: some(p.grad, 8) for n, p in model.named_parameters()},
               "buffers": {n: some(b, 4) for n, b in model.named_buffers() if not n.endswith("tracked")}}
    return {"evaluated": evaluated, "trained": trained}


def main(out):
    gradients, convnets = convnext_gradients(), dict(sizes())
    resnets = {f"{n} {stem} {side}": resnet_numbers(n, stem, side)
               for n, stem, side in [("resnet18", "imagenet", 64), ("resnet34", "imagenet", 64), ("resnet50", "imagenet", 64), ("resnet18", "cifar", 32)]}
    counts = {n: sum(p.numel() for p in torchvision.models.get_model(n).parameters()) for n in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")}
    result = {"versions": {"torch": torch.__version__, "timm": timm.__version__, "torchvision": torchvision.__version__},
              "convnextV2": convnets, "convnextV2 gradients": gradients, "resnet": resnets, "resnet parameters": counts}
    with open(out, "w") as f: json.dump(result, f)


if __name__ == "__main__": main(sys.argv[1])
