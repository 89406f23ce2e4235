"""Forward pass and gradients, in float64, of torchvision's Vision Transformer with a convolutional stem and of parameters that a formula
makes from Lacuna's name of a tensor (make_convnets.py): test/reference/conv-stem.json.

usage: python make_conv_stem.py OUT.json [--config configs/conv-stem.json]
needs torch, torchvision, timm
"""
import argparse, json, re
from pathlib import Path
import torch, torchvision
from torchvision.models.vision_transformer import ConvStemConfig, VisionTransformer
from make_convnets import image, made, numbers, some

NAMES = [(r"^class_token$", "cls_token"), (r"^encoder\.pos_embedding$", "pos_embed"), (r"^encoder\.ln\.", "norm."),
         (r"^conv_proj\.conv_bn_relu_(\d+)\.0\.", r"patch_embed.layers.\1.conv."), (r"^conv_proj\.conv_bn_relu_(\d+)\.1\.", r"patch_embed.layers.\1.bn."),
         (r"^conv_proj\.conv_last\.", "patch_embed.last."), (r"^encoder\.layers\.encoder_layer_(\d+)\.", r"blocks.\1."),
         (r"ln_([12])\.", r"norm\1."), (r"self_attention\.in_proj_", "attn.qkv."), (r"self_attention\.out_proj\.", "attn.proj."),
         (r"mlp\.0\.", "mlp.fc1."), (r"mlp\.3\.", "mlp.fc2.")]


def ours(name):
    for pattern, replacement in NAMES: name = re.sub(pattern, replacement, name)
    return name


def build(config):
    stem = [ConvStemConfig(layer["channels"], 3, layer["stride"]) for layer in config["stem"]]
    model = VisionTransformer(image_size=config["side"], patch_size=config["patchSize"], num_layers=config["depth"], num_heads=config["heads"],
                              hidden_dim=config["width"], mlp_dim=int(config["width"] * config["mlpRatio"]), conv_stem_configs=stem)
    model.heads = torch.nn.Identity()
    state = {n: torch.tensor(0) if n.endswith("tracked") else made(ours(n), p.shape) for n, p in model.state_dict().items()}
    model.load_state_dict(state, strict=True, assign=True)
    return model.double()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--config", default=Path(__file__).parent / "configs" / "conv-stem.json")
    args = parser.parse_args()
    config = json.loads(Path(args.config).read_text())
    model = build(config)
    x = image(4, config["side"]).double()
    with torch.no_grad(): evaluated = some(model.eval()(x))
    for p in model.parameters(): p.requires_grad_()
    features = model.train()(x)
    (features * torch.from_numpy(numbers("weights", features.numel()).astype("float32").reshape(features.shape)).double()).sum().backward()
    result = {"versions": {"torch": torch.__version__, "torchvision": torchvision.__version__}, "config": config, "evaluated": evaluated,
              "trained": {"features": some(features), "gradients": {ours(n): some(p.grad, 16) for n, p in model.named_parameters()},
                          "buffers": {ours(n): some(b, 8) for n, b in model.named_buffers() if not n.endswith("tracked")}}}
    with open(args.out, "w") as f: json.dump(result, f)


if __name__ == "__main__": main()
