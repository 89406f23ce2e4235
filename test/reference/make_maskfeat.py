"""MaskFeat by its official code (facebookresearch/SlowFast, slowfast/models/masked.py with configs/masked_ssl/in1k_VIT_B_MaskFeat_PT.yaml, narrow and
shallow). See official.py for usage; needs fvcore, iopath, simplejson and psutil too. Packages that SlowFast imports for video are stood in
for. Masks are random ones of the noise that is in the file; the gradient is not clipped, which is the trainer's part.

Pixels of a patch stand channel first in the official head, channel last in ours."""
import importlib.abc, importlib.machinery, os, sys, types
from functools import partial
import torch
from official import Script, adamw, arguments, record, timm_groups

FOR_VIDEO = ("pytorchvideo", "detectron2", "matplotlib", "cv2", "sklearn", "pandas", "av", "moviepy", "tensorboard")


class Stub(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return type(name, (torch.nn.Module,), {})


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name.split(".")[0] in FOR_VIDEO else None
    def create_module(self, spec): return Stub(spec.name)
    def exec_module(self, module): pass


def exactly(hog, forward, x):
    """Histograms in float32, into which the official code scatters, by the whole numbers of Sobel, which official.py moves like weights."""
    hog.float()
    for weight in (hog.weight_x, hog.weight_y): weight.round_()
    return forward(x.float()).to(x.dtype)


class MaskFeat(Script):
    repository = "facebookresearch/SlowFast"

    def __init__(self, official): self.official = official

    def build(self, config):
        sys.meta_path.insert(0, Finder())
        from slowfast.config.defaults import get_cfg
        from slowfast.models.losses import MultipleMSELoss
        from slowfast.models.masked import MaskMViT
        model, data = config["model"], config["data"]
        self.patch, self.grid, self.channels = model["patchSize"], data["imageSize"] // model["patchSize"], data["channels"]
        self.ratio, self.pixels, self.loss = config["method"]["maskRatio"], config["method"]["target"] == "pixels", MultipleMSELoss()
        cfg = get_cfg()
        cfg.merge_from_file(os.path.join(self.official, "configs/masked_ssl/in1k_VIT_B_MaskFeat_PT.yaml"))
        cfg.NUM_GPUS, cfg.DATA.TRAIN_CROP_SIZE, cfg.DATA.TEST_CROP_SIZE = 0, data["imageSize"], data["imageSize"]
        cfg.MVIT.PATCH_KERNEL = cfg.MVIT.PATCH_STRIDE = [self.patch, self.patch]
        cfg.MVIT.EMBED_DIM, cfg.MVIT.NUM_HEADS, cfg.MVIT.DEPTH, cfg.MVIT.MLP_RATIO = model["width"], model["heads"], model["depth"], float(model["mlpRatio"])
        cfg.MASK.PRETRAIN_DEPTH, cfg.MASK.PRED_HOG = [model["depth"] - 1], not self.pixels
        made = MaskMViT(cfg)
        for hog in getattr(made, "hogs", []): hog.forward = partial(exactly, hog, hog.forward)
        return made

    def inputs(self, config):
        batch, side = config["batch"], config["data"]["imageSize"]
        return {"view/image": torch.randn(batch, self.channels, side, side), "draw/mask": torch.rand(batch, self.grid ** 2)}

    def step(self, model, inputs, progress):
        image, noise = inputs["view/image"], inputs["draw/mask"]
        kept = int(noise.shape[1] * (1 - self.ratio))
        hidden = (noise.argsort(1).argsort(1) >= kept).to(image.dtype)
        outputs, labels = model([image, None, hidden.view(-1, self.grid, self.grid)])
        return self.loss(outputs, labels)[0], {}, {"mask": hidden}

    def groups(self, model, config): return adamw(timm_groups(model, config["optim"]["weightDecay"]), config["optim"])

    def rename(self, values):
        out = {}
        for name, value in values.items():
            if name.startswith("hogs."): continue
            if name.startswith("pred_head.transforms.0.0."): name = name.replace("pred_head.transforms.0.0.", "encoder.norm.")
            elif name.startswith("pred_head.projections.0."):
                name = name.replace("pred_head.projections.0.", "head.")
                if self.pixels:
                    shape = (self.channels, self.patch, self.patch, *value.shape[1:])
                    value = value.reshape(shape).permute(1, 2, 0, *range(3, len(shape))).reshape(value.shape)
            elif name != "mask_token": name = "encoder." + name
            out[name] = value.contiguous()
        return out


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(MaskFeat(args.official), args, config)
