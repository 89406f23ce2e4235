"""CMAE by its official code (ZhichengHuang/CMAE): cmae/models, with the optimiser's groups of its pre-training configuration as mmengine
builds them, and MomentumUpdateHook's formula. See official.py for usage; packages besides its own: mmengine 0.10.7, mmcv-lite 2.2.0.

What is set here: batch norm of one process, and no bias before it, which it would take away; the target gets a final norm of its own, which
is averaged and never used, so that it has all tensors that ours has."""
import logging, math, re
import torch
from official import Script, arguments, one_process, record

ORDER = (("patch_embed.projection.", "patch_embed.proj."), ("ffn.layers.0.0.", "mlp.fc1."), ("ffn.layers.1.", "mlp.fc2."), ("layers.", "blocks."))


def named(name):
    """an official name -> ours"""
    part, rest = name.split(".", 1)
    for theirs, ours in ORDER: rest = rest.replace(theirs, ours)
    rest = re.sub(r"(blocks\.\d+)\.ln([12])\.", r"\1.norm\2.", rest)
    rest = re.sub(r"^ln1\.", "norm." if "backbone" in part else "decoder_norm.", rest)
    rest = re.sub(r"(fc|bn)(\d)\.", lambda m: {"fc0": "0.", "bn0": "1.", "fc1": "3."}[m[1] + m[2]] if "blocks" not in rest else m[0], rest)
    if part == "head": return rest
    return {"backbone": "", "pixel_decoder": "", "target_backbone": "teacher.encoder.", "target_projector": "teacher.projector."}.get(part, part + ".") + rest


class Cmae(Script):
    repository = "ZhichengHuang/CMAE"

    def build(self, config):
        from cmae.models.algorithms import CMAE
        method, model, data = config["method"], config["model"], config["data"]
        patches = (data["imageSize"] // model["patchSize"]) ** 2
        assert model["patchSize"] ** 2 * data["channels"] == model["width"], "the official feature decoder gives as many numbers as a patch has values"
        arch = dict(embed_dims=model["width"], num_layers=model["depth"], num_heads=model["heads"], feedforward_channels=int(model["width"] * model["mlpRatio"]))
        vit = lambda **more: dict(type="CMAEViT", arch=arch, img_size=data["imageSize"], patch_size=model["patchSize"], **more)
        decoder = lambda given: dict(type="MAEPretrainDecoder", num_patches=patches, patch_size=model["patchSize"], in_chans=data["channels"],
            embed_dim=model["width"], decoder_embed_dim=given["width"], decoder_depth=given["depth"], decoder_num_heads=given["heads"], mlp_ratio=given["mlpRatio"])
        head = lambda inputs, hidden: dict(type="NonLinearNeck", in_channels=inputs, hid_channels=hidden, out_channels=method["projector"]["output"],
            num_layers=2, with_bias=False, with_last_bn=False, with_avg_pool=False, norm_cfg=dict(type="BN1d", eps=1e-6))
        made = CMAE(
            backbone=dict(online=vit(mask_ratio=method["maskRatio"]), target=vit(mask_ratio=0., final_norm=False)),
            neck=dict(pixel=decoder(method["decoder"]), feature=decoder(method["featureDecoder"]), projector=head(model["width"], method["projector"]["hidden"])),
            head=dict(type="CMAEPretrainHead", predictor=head(method["projector"]["output"], method["predictor"]["hidden"]), temperature=method["temperature"],
                patch_size=model["patchSize"], ct_weight=method["contrastWeight"], rc_weight=method["reconstructionWeight"]),
            base_momentum=method["momentum"]["from"])
        made.target_backbone.add_module("ln1", torch.nn.LayerNorm(model["width"], eps=1e-6).requires_grad_(False))
        made.init_weights()
        return made

    def redraw(self, name, weight):
        # The target begins as a copy; it is moved away, so that a step of it can be seen.
        return weight + torch.randn_like(weight) * weight.std() * .3 if name.startswith("target_") else weight

    def inputs(self, config):
        batch, data = config["batch"], config["data"]
        squares = (data["imageSize"] // config["model"]["patchSize"] // 2) ** 2
        view = lambda: torch.randn(batch, data["channels"], data["imageSize"], data["imageSize"])
        return {"view/image": view(), "view/target": view(), "draw/mask": torch.rand(batch, squares)}

    def step(self, model, inputs, progress):
        self.progress = progress
        drawn, torch.rand = torch.rand, lambda *a, **k: inputs["draw/mask"].clone()
        losses = model(inputs["view/image"], img_t=inputs["view/target"])
        latent, mask, restore = model.backbone(inputs["view/image"])
        prediction = model.pixel_decoder(latent, restore)
        torch.rand = drawn
        return losses["loss_ct"] + losses["loss_rc"], {"contrast": losses["loss_ct"], "reconstruction": losses["loss_rc"]}, {"mask": mask, "pred": prediction}

    def groups(self, model, config):
        from mmengine.optim import DefaultOptimWrapperConstructor
        optim = config["optim"]
        none = dict(decay_mult=0.)
        wrapper = dict(type="OptimWrapper", optimizer=dict(type="AdamW", lr=1., betas=tuple(optim["betas"]), eps=optim["epsilon"], weight_decay=optim["weightDecay"]))
        paramwise = dict(custom_keys={"ln": none, "bias": none, "pos_embed": none, "mask_token": none, "cls_token": none})
        return DefaultOptimWrapperConstructor(wrapper, paramwise)(model).optimizer

    def after_update(self, model, config, step):
        first, last = config["method"]["momentum"]["from"], config["method"]["momentum"]["to"]
        model.momentum = last - (last - first) * (math.cos(math.pi * self.progress) + 1) / 2
        model.momentum_update()

    def rename(self, values):
        return {named(name): value for name, value in values.items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    one_process()
    logging.disable(logging.WARNING)  # mmengine's, of every tensor and group
    record(Cmae(), args, config)
