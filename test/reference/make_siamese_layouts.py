"""Names and shapes of the checkpoints of facebookresearch/dino, /swav, /moco and /simsiam and of microsoft/esvit, and what their encoders compute with weights that a
formula makes from name and shape (make_layouts.py): siamese-layouts.json. Nothing of the weights themselves is kept.

usage: python make_siamese_layouts.py --dino CHECKOUT --swav CHECKOUT --moco CHECKOUT --simsiam CHECKOUT --esvit CHECKOUT [--out siamese-layouts.json]
needs torch, torchvision, timm, transformers, einops"""
import argparse, json, os, sys
from functools import partial
from pathlib import Path
import torch
import official
from make_convnets import image, some
from make_esvit import Anything
from make_layouts import loaded
from make_swav import Widen


def dino(checkout, x):
    sys.path.insert(0, checkout)
    import main_dino, utils
    from vision_transformer import DINOHead, VisionTransformer
    vit = lambda: VisionTransformer(img_size=[64], patch_size=16, embed_dim=48, depth=2, num_heads=3, qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6))
    resnet = lambda: official.narrow(8, "basic", [1, 1, 1, 1])(8)
    for name, make, width, norm in (("dino vit", vit, 48, False), ("dino resnet", resnet, 64, True)):
        whole = torch.nn.Module()
        whole.student = torch.nn.Module()  # as DistributedDataParallel wraps it
        head = lambda: DINOHead(width, 20, use_bn=norm, nlayers=3, hidden_dim=32, bottleneck_dim=8)
        whole.student.module = utils.MultiCropWrapper(make(), head())
        whole.teacher = utils.MultiCropWrapper(make(), head())
        whole.dino_loss = main_dino.DINOLoss(20, 4, .04, .04, 0, 10)
        whole, names = loaded(whole)
        with torch.no_grad():
            yield name, {"tensors": names, "student": some(whole.student.module.backbone(x), 16), "teacher": some(whole.teacher.backbone(x), 16)}


def swav(checkout, x):
    sys.path.insert(0, checkout)
    import src.resnet50 as resnets
    model = torch.nn.Module()
    model.module = resnets.ResNet(resnets.Bottleneck, [1, 1, 1, 1], widen=Widen(8), normalize=True, hidden_mlp=24, output_dim=16, nmb_prototypes=12)
    model, names = loaded(model)
    with torch.no_grad(): return {"tensors": names, "features": some(model.module.forward_backbone(x), 16)}


def moco(checkout, x):
    sys.path.insert(0, checkout)
    import moco.builder
    make = official.narrow(8, "basic", [1, 1, 1, 1])
    for version in (1, 2):
        whole = torch.nn.Module()  # as DistributedDataParallel wraps it
        whole.module = moco.builder.MoCo(lambda num_classes: make(num_classes), 16, 24, .999, .07, mlp=version == 2)
        whole, names = loaded(whole)
        of = lambda encoder: torch.nn.Sequential(*list(encoder.children())[:-1], torch.nn.Flatten())(x)
        with torch.no_grad(): yield f"moco v{version}", {"tensors": names, "student": some(of(whole.module.encoder_q), 16), "teacher": some(of(whole.module.encoder_k), 16)}


def simsiam(checkout, x):
    sys.path.insert(0, checkout)
    from simsiam.builder import SimSiam
    make = official.narrow(8, "basic", [1, 1, 1, 1])
    whole = torch.nn.Module()
    whole.module = SimSiam(lambda num_classes, zero_init_residual: make(num_classes), 32, 8)
    whole, names = loaded(whole)
    encoder = whole.module.encoder
    with torch.no_grad():
        features = torch.nn.Sequential(*list(encoder.children())[:-1], torch.nn.Flatten())(x)
        return {"tensors": names, "features": some(features, 16), "projection": some(encoder(x), 16)}


def esvit(checkout, x):
    sys.path.insert(0, checkout)
    official.bare_package(checkout, "models")
    for name in ("models.build", "config", "datasets", "timm.data.transforms", "timm.data.auto_augment"): sys.modules[name] = Anything(name)
    for name in ("utils", "vision_transformer"): sys.modules.pop(name, None)  # DINO's
    sys.modules["models"].build_model = None
    import main_esvit, utils
    from models.swin_transformer import SwinTransformer
    from models.vision_transformer import DINOHead
    def swin():
        body = SwinTransformer(img_size=64, patch_size=2, num_classes=0, embed_dim=8, depths=[2, 1, 1, 1], num_heads=[1, 2, 4, 8], window_size=4,
                               norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), use_dense_prediction=True)
        body.head, body.head_dense = (DINOHead(64, 20, nlayers=3, hidden_dim=32, bottleneck_dim=8) for _ in range(2))
        return body
    def resnet():
        head = lambda: DINOHead(64, 20, nlayers=3, hidden_dim=32, bottleneck_dim=8)
        return utils.MultiCropWrapper(official.narrow(8, "basic", [1, 1, 1, 1])(8), head(), head_dense=head(), use_dense_prediction=True)
    for name, make in (("esvit swin", swin), ("esvit resnet", resnet)):
        whole = torch.nn.Module()
        whole.student = torch.nn.Module()  # as DistributedDataParallel wraps it
        whole.student.module, whole.teacher, whole.dino_loss = make(), make(), main_esvit.DDINOLoss(20, 4, .04, .04, 0, 10)
        follows = {n: v.clone() for n, v in whole.state_dict().items() if n.endswith("relative_position_index")}  # from the windows, not a weight
        whole, names = loaded(whole)
        whole.load_state_dict(follows, strict=False)
        features = lambda net: net.forward_features(x)[0] if name == "esvit swin" else net.backbone.backbone(x)
        with torch.no_grad(): yield name, {"tensors": names, "student": some(features(whole.student.module), 16), "teacher": some(features(whole.teacher), 16)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("dino", "swav", "moco", "simsiam", "esvit"): parser.add_argument("--" + name, required=True)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "siamese-layouts.json"))
    args = parser.parse_args()
    official.adapt()
    torch.manual_seed(0)
    x = image(2, 64)
    cases = {**dict(dino(args.dino, x)), "swav": swav(args.swav, x), **dict(moco(args.moco, x)), "simsiam": simsiam(args.simsiam, x), **dict(esvit(args.esvit, x))}
    Path(args.out).write_text(json.dumps({"torch": torch.__version__, "cases": cases}, separators=(",", ":")) + "\n")
