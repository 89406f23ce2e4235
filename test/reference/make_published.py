"""Forward passes of transformers' ViTMAE and ViT and timm's ViT with weights that a formula makes from a tensor's name, so that
nothing but a few outputs need be kept: test/reference/published.json.

usage: python make_published.py numbers OUT.json tiny small base large huge
       python make_published.py write FOLDER SIZE          official .pth files: full, encoder, finetuned (mean), token (class token)
       python make_published.py check FOLDER SIZE          what lacuna wrote beside them: folders mae, vit, classifier; timm-*.safetensors;
                                                           back.pth; compared with the .pth files and with the formula's outputs
needs torch, transformers, timm, safetensors
"""
import json, sys, zlib
from pathlib import Path
import numpy as np, timm, torch, transformers
from safetensors.torch import load_file
from transformers import ViTConfig, ViTForImageClassification, ViTMAEConfig, ViTMAEForPreTraining, ViTModel

# width, depth, heads, patch; decoder width, depth, heads
SIZES = {"tiny": (192, 12, 3, 16, 192, 4, 3), "small": (384, 12, 6, 16, 256, 8, 8), "base": (768, 12, 12, 16, 512, 8, 16),
         "large": (1024, 24, 16, 16, 512, 8, 16), "huge": (1280, 32, 16, 14, 512, 8, 16)}
SIDE, CLASSES, KEPT = 224, 10, 0.25


def uniform(name, count):
    """count numbers in [-1, 1) on a grid of 2^-23: MurmurHash3's finaliser of the index, keyed by the name's CRC-32."""
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(zlib.crc32(name.encode()))
    x ^= x >> 16; x *= np.uint32(0x85EBCA6B); x ^= x >> 13; x *= np.uint32(0xC2B2AE35); x ^= x >> 16
    return (x >> 8).astype(np.float64) / 2**23 - 1


def made(name, shape):
    v = uniform(name, int(np.prod(shape)))
    if "norm" in name: v = 1 + 0.25 * v if name.endswith("weight") else 0.125 * v
    elif name.endswith("bias"): v = 0.125 * v
    elif len(shape) == 3: v = 0.5 * v                                   # tokens and positions
    else: v = v * (1.5 / np.sqrt(np.prod(shape[1:], dtype=np.float64)))
    return torch.from_numpy(v.astype(np.float32).reshape(shape))


def shapes(size, decoder=True, norm="norm", head=False):
    D, depth, _, p, d, deep, _ = SIZES[size]
    places = 1 + (SIDE // p) ** 2
    out = {"cls_token": (1, 1, D), "pos_embed": (1, places, D)}
    def layer(name, o, *rest): out[name + ".weight"] = (o, *rest); out[name + ".bias"] = (o,)
    def blocks(stack, D, depth):
        for i in range(depth):
            b = f"{stack}.{i}."
            layer(b + "norm1", D); layer(b + "attn.qkv", 3 * D, D); layer(b + "attn.proj", D, D)
            layer(b + "norm2", D); layer(b + "mlp.fc1", 4 * D, D); layer(b + "mlp.fc2", D, 4 * D)
    layer("patch_embed.proj", D, 3, p, p)
    blocks("blocks", D, depth)
    layer(norm, D)
    if decoder:
        out["mask_token"] = (1, 1, d); out["decoder_pos_embed"] = (1, places, d)
        layer("decoder_embed", d, D); blocks("decoder_blocks", d, deep)
        layer("decoder_norm", d); layer("decoder_pred", p * p * 3, d)
    if head: layer("head", CLASSES, D)
    return out


def weights(size, **kind):
    return {name: made(name, shape) for name, shape in shapes(size, **kind).items()}


def hugging_face(state, prefix):
    """Official names -> those of transformers 5 in memory."""
    out = {}
    inner = {"norm1": "layernorm_before", "norm2": "layernorm_after", "attn.proj": "attention.o_proj", "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2"}
    outer = {"cls_token": prefix + "embeddings.cls_token", "pos_embed": prefix + "embeddings.position_embeddings",
             "mask_token": "decoder.mask_token", "decoder_pos_embed": "decoder.decoder_pos_embed"}
    stems = {"patch_embed.proj": prefix + "embeddings.patch_embeddings.projection", "norm": prefix + "layernorm", "head": "classifier",
             "decoder_embed": "decoder.decoder_embed", "decoder_norm": "decoder.decoder_norm", "decoder_pred": "decoder.decoder_pred"}
    for name, tensor in state.items():
        stem, _, end = name.rpartition(".")
        if name in outer: out[outer[name]] = tensor
        elif stem in stems: out[f"{stems[stem]}.{end}"] = tensor
        else:
            stack, i, rest = stem.split(".", 2)
            base = f"{prefix}layers.{i}." if stack == "blocks" else f"decoder.decoder_layers.{i}."
            if rest == "attn.qkv":
                for letter, part in zip("qkv", tensor.chunk(3)): out[f"{base}attention.{letter}_proj.{end}"] = part
            else: out[f"{base}{inner[rest]}.{end}"] = tensor
    return out


def sizes_of(size):
    D, depth, heads, p, *_ = SIZES[size]
    return dict(hidden_size=D, num_hidden_layers=depth, num_attention_heads=heads, intermediate_size=4 * D, image_size=SIDE, patch_size=p,
                layer_norm_eps=1e-6)


def mae_config(size):
    d, deep, h = SIZES[size][4:]
    return ViTMAEConfig(**sizes_of(size), decoder_hidden_size=d, decoder_num_hidden_layers=deep, decoder_num_attention_heads=h,
                        decoder_intermediate_size=4 * d, norm_pix_loss=True, mask_ratio=1 - KEPT)


def timm_model(size, pool):
    D, depth, heads, p, *_ = SIZES[size]
    return timm.models.vision_transformer.VisionTransformer(img_size=SIDE, patch_size=p, embed_dim=D, depth=depth, num_heads=heads,
                                                            num_classes=CLASSES, global_pool=pool).eval()


def loaded(make, state):
    with torch.device("meta"): model = make()
    model.load_state_dict(state, strict=True, assign=True)
    return model.eval()


def some(tensor):
    """64 values, evenly spaced, and the largest: differences are judged against that."""
    flat = tensor.detach().flatten()
    step = max(1, flat.numel() // 64)
    return {"shape": list(tensor.shape), "step": step, "values": [float(f"{v:.9g}") for v in flat[::step][:64].tolist()],
            "largest": flat.abs().max().item()}


def inputs(size):
    patches = (SIDE // SIZES[size][3]) ** 2
    image = torch.from_numpy((1.5 * uniform("image", 2 * 3 * SIDE * SIDE)).astype(np.float32).reshape(2, 3, SIDE, SIDE))
    noise = torch.from_numpy(uniform("noise", 2 * patches).astype(np.float32).reshape(2, patches))
    return image, noise


@torch.no_grad()
def outputs(size, models):
    image, noise = inputs(size)
    out = {}
    mae = models["mae"]()
    result = mae(image, noise=noise)
    latent = mae.vit(image, noise=noise).last_hidden_state
    out |= {"mae.logits": some(result.logits), "mae.latent": some(latent), "mae.loss": some(result.loss)}
    del mae
    out["vit.tokens"] = some(models["vit"]()(image).last_hidden_state)
    out["vit.classifier"] = some(models["classifier"]()(image).logits)
    token = models["timm-token"]()
    out |= {"timm.features": some(token.forward_features(image)), "timm.token": some(token(image))}
    del token
    out["timm.mean"] = some(models["timm-mean"]()(image))
    return out


def from_formula(size):
    return {
        "mae": lambda: loaded(lambda: ViTMAEForPreTraining(mae_config(size)), hugging_face(weights(size), "vit.")),
        "vit": lambda: loaded(lambda: ViTModel(ViTConfig(**sizes_of(size)), add_pooling_layer=False), hugging_face(weights(size, decoder=False), "")),
        "classifier": lambda: loaded(lambda: ViTForImageClassification(ViTConfig(**sizes_of(size), num_labels=CLASSES)),
                                     hugging_face(weights(size, decoder=False, head=True), "vit.")),
        "timm-token": lambda: loaded(lambda: timm_model(size, "token"), weights(size, decoder=False, head=True)),
        "timm-mean": lambda: loaded(lambda: timm_model(size, "avg"), weights(size, decoder=False, norm="fc_norm", head=True)),
    }


def from_folder(folder, **options):
    kind = {"mae": ViTMAEForPreTraining, "vit": ViTModel, "classifier": ViTForImageClassification}[folder.name]
    model, info = kind.from_pretrained(folder, output_loading_info=True, dtype=torch.float32, **options)
    lost = {key: value for key, value in info.items() if value}
    assert not lost, (folder, lost)
    return model.eval()


def from_lacuna(folder, size):
    return {
        "mae": lambda: from_folder(folder / "mae"),
        "vit": lambda: from_folder(folder / "vit", add_pooling_layer=False),
        "classifier": lambda: from_folder(folder / "classifier"),
        "timm-token": lambda: loaded(lambda: timm_model(size, "token"), load_file(folder / "timm-token.safetensors")),
        "timm-mean": lambda: loaded(lambda: timm_model(size, "avg"), load_file(folder / "timm-mean.safetensors")),
    }


KINDS = {"full": {}, "encoder": {"decoder": False}, "token": {"decoder": False, "head": True},
         "finetuned": {"decoder": False, "norm": "fc_norm", "head": True}}


def write(folder, size):
    for name, kind in KINDS.items(): torch.save({"model": weights(size, **kind), "epoch": 1599}, folder / f"{name}.pth")


def same(first, second):
    a, b = (torch.load(path, weights_only=True)["model"] for path in (first, second))
    assert a.keys() == b.keys()
    return sum(torch.equal(a[name].view(torch.int32), b[name].view(torch.int32)) for name in a), len(a)


def check(folder, size):
    print(f"{size}: official -> lacuna -> Hugging Face -> lacuna -> official: %d of %d tensors bit-equal" % same(folder / "full.pth", folder / "back.pth"))
    theirs, ours = outputs(size, from_formula(size)), outputs(size, from_lacuna(folder, size))
    for key in theirs:
        worst = max(abs(a - b) for a, b in zip(theirs[key]["values"], ours[key]["values"])) / theirs[key]["largest"]
        print(f"  {key:15} files written by lacuna against the formula's weights: {worst:.1e}")
        assert worst == 0, key




def saved_configs(size):
    """config.json as save_pretrained writes it, without the version."""
    import tempfile
    out = {}
    for name, make in (("mae", lambda: ViTMAEForPreTraining(mae_config(size))), ("vit", lambda: ViTModel(ViTConfig(**sizes_of(size)))),
                       ("classifier", lambda: ViTForImageClassification(ViTConfig(**sizes_of(size), num_labels=CLASSES)))):
        with tempfile.TemporaryDirectory() as folder:
            make().save_pretrained(folder)
            out[name] = json.loads((Path(folder) / "config.json").read_text())
            out[name].pop("transformers_version")
    processor = transformers.BitImageProcessor(image_mean=[.485, .456, .406], image_std=[.229, .224, .225], resample=3,
                                               size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    with tempfile.TemporaryDirectory() as folder:
        processor.save_pretrained(folder)
        out["preprocessor"] = json.loads((Path(folder) / "preprocessor_config.json").read_text())
    return out


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    torch.set_num_threads(2)
    if command == "numbers":
        path, *names = rest
        numbers = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__, "timm": timm.__version__},
                   "configs": saved_configs("tiny"), "sizes": {}}
        for size in names:
            D, depth, heads, p, d, deep, h = SIZES[size]
            numbers["sizes"][size] = {"width": D, "depth": depth, "heads": heads, "patchSize": p,
                                      "decoder": {"width": d, "depth": deep, "heads": h}, "outputs": outputs(size, from_formula(size))}
            print(size, "done", flush=True)
        Path(path).write_text(json.dumps(numbers, separators=(",", ":")) + "\n")
    else: {"write": write, "check": check}[command](Path(rest[0]), rest[1])
