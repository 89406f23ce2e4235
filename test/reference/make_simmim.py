"""SimMIM by its official code (microsoft/SimMIM, models/simmim.py over its Swin Transformer or ViT, groups of optimizer.py). See official.py for
usage. Masks are of the noise that is in the file; the gradient is not clipped, which is the trainer's part."""
import types
from functools import partial
import torch
from official import Script, adamw, arguments, bare_package, record


class SimMIM(Script):
    repository = "microsoft/SimMIM"

    def __init__(self, official): self.official = official

    def build(self, config):
        bare_package(self.official, "models")
        from models.simmim import SimMIM, SwinTransformerForSimMIM, VisionTransformerForSimMIM
        model, data, method = config["model"], config["data"], config["method"]
        self.patch, self.unit, self.side = model["patchSize"], method["unit"], data["imageSize"]
        self.ratio, self.isSwin = method["maskRatio"], model["name"] == "swin"
        shared = dict(img_size=self.side, patch_size=self.patch, in_chans=data["channels"], num_classes=0, embed_dim=model["width"], drop_path_rate=0.)
        if self.isSwin:
            encoder = SwinTransformerForSimMIM(**shared, depths=model["depths"], num_heads=model["heads"], window_size=model["window"])
        else:
            encoder = VisionTransformerForSimMIM(**shared, depth=model["depth"], num_heads=model["heads"], mlp_ratio=model["mlpRatio"], qkv_bias=True,
                norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), init_values=model["layerScale"], use_abs_pos_emb=False,
                use_shared_rel_pos_bias=model["relativePositions"] == "shared", use_rel_pos_bias=model["relativePositions"] == "perBlock",
                use_mean_pooling=False)
        return SimMIM(encoder, encoder_stride=self.patch * (8 if self.isSwin else 1))

    def inputs(self, config):
        units = (self.side // self.unit) ** 2
        return {"view/image": torch.randn(config["batch"], config["data"]["channels"], self.side, self.side), "draw/mask": torch.rand(config["batch"], units)}

    def redraw(self, name, weight):
        return torch.randn_like(weight) * .3 if "relative_position_bias_table" in name else weight

    def step(self, model, inputs, progress):
        image, noise = inputs["view/image"], inputs["draw/mask"]
        kept = int(noise.shape[1] * (1 - self.ratio))
        hidden, scale = (noise.argsort(1).argsort(1) >= kept).to(image.dtype), self.unit // self.patch
        units = hidden.view(len(image), self.side // self.unit, -1)
        mask = units.repeat_interleave(scale, 1).repeat_interleave(scale, 2)   # as data_simmim.py spreads units over patches
        return model(image, mask), {}, {"mask": hidden}

    def groups(self, model, config):
        from optimizer import get_pretrain_param_groups
        quiet = types.SimpleNamespace(info=lambda text: None)
        return adamw(get_pretrain_param_groups(model, quiet, model.no_weight_decay(), model.no_weight_decay_keywords()), config["optim"])

    def rename(self, values):
        out = {}
        for name, value in values.items():
            if name.endswith(("relative_position_index", "attn_mask")): continue
            if name.startswith("decoder.0."): name, value = name.replace("decoder.0.", "decoder."), value.flatten(1) if value.ndim > 1 else value
            out["mask_token" if name == "encoder.mask_token" else name] = value
        return out


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(SimMIM(args.official), args, config)
