"""VQ-KD by the code of BEiT v2's authors (microsoft/unilm, beit2/modeling_vqkd.py, norm_ema_quantizer.py, groups of optim_factory.py), narrow and
shallow. See official.py for usage; the checkout is the folder `beit2` of the repository; needs einops too.

The teacher is the official DINO ViT (vqkd_teacher/dino.py) of drawn weights, its pictures normalised with 0.5 and 0.5 as the encoder's are.
Pictures of the file are what the official code makes of its input in 0 to 1. The first codes are random directions: k-means draws by itself.
`quantize.patch_sums` is ours (what tokens are drawn from): the moving average of the sums of patches, written out here."""
import sys, types
from functools import partial
import torch
from official import Script, adamw, arguments, record


def official_modules():
    registry = types.ModuleType("timm.models.registry"); registry.register_model = lambda make: make
    sys.modules["timm.models.registry"] = registry
    import timm.data.constants  # noqa: F401
    clip = types.ModuleType("vqkd_teacher.clip")  # imported by the package, needs ftfy, and is not used here
    sys.modules["vqkd_teacher.clip"] = clip
    sys.modules["utils"] = types.ModuleType("utils")
    import timm.optim
    for file, name in (("nadam", "Nadam"), ("novograd", "NovoGrad"), ("nvnovograd", "NvNovoGrad"), ("radam", "RAdam"), ("rmsprop_tf", "RMSpropTF")):
        optimizer = types.ModuleType("timm.optim." + file); setattr(optimizer, name, None)  # imported, and not used
        sys.modules["timm.optim." + file] = optimizer
    import modeling_vqkd, optim_factory
    from vqkd_teacher import dino
    return modeling_vqkd, optim_factory, dino


class Vqkd(Script):
    repository = "microsoft/unilm"

    def build(self, config):
        code, self.factory, dino = official_modules()
        model, data, method = config["model"], config["data"], config["method"]
        self.method, self.patch, side = method, model["patchSize"], data["imageSize"]
        shared = dict(code.get_model_default_params(), num_classes=0)
        encoder = dict(shared, img_size=side, patch_size=self.patch, in_chans=data["channels"], embed_dim=model["width"], depth=model["depth"], num_heads=model["heads"])
        own = method["decoder"]
        decoder = dict(shared, img_size=side // self.patch, patch_size=1, in_chans=method["codeWidth"], depth=own["depth"],
                       embed_dim=own.get("width", model["width"]), num_heads=own.get("heads", model["heads"]))
        teacher = method["teacher"]["model"]
        made = code.VQKD(encoder, decoder, n_embed=method["vocabulary"], embed_dim=method["codeWidth"], decay=method["momentum"],
                         quantize_kmeans_init=False, teacher_model_type="None", decoder_out_dim=teacher["width"])
        made.teacher_model_type = "dino"
        made.scaling_layer = code.ScalingLayerForIM()
        made.teacher_model = dino.VisionTransformer(img_size=[side], patch_size=teacher["patchSize"], in_chans=data["channels"], embed_dim=teacher["width"],
            depth=teacher["depth"], num_heads=teacher["heads"], mlp_ratio=4, qkv_bias=True, pretrained=False, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6))
        for value in made.teacher_model.parameters(): value.requires_grad = False
        self.sums = torch.zeros(method["vocabulary"], self.patch ** 2 * data["channels"])
        return made

    def inputs(self, config):
        data = config["data"]
        return {"view/image": torch.rand(config["batch"], data["channels"], data["imageSize"], data["imageSize"]) * 1.998 - .999}

    def step(self, model, inputs, progress):
        image, p = inputs["view/image"], self.patch
        model.scaling_layer.shift.fill_(.5); model.scaling_layer.scale.fill_(.5)
        chosen = []
        watch = model.quantize.register_forward_hook(lambda _, __, out: chosen.append(out[2]))
        loss, log = model((image + 1) / 2)
        watch.remove()
        patches = image.unfold(2, p, p).unfold(3, p, p).permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(0, 2)  # channels last
        kept = self.method["momentum"]
        self.sums = self.sums.to(image.dtype) * kept + (1 - kept) * torch.zeros_like(self.sums, dtype=image.dtype).index_add_(0, chosen[0], patches)
        return loss, {"distance": log["train/rec_loss"], "commitment": log["train/quant_loss"]}, {}

    def groups(self, model, config):
        return adamw(self.factory.get_parameter_groups(model, config["optim"]["weightDecay"], model.no_weight_decay()), config["optim"])

    def train(self, model, inputs, config):
        self.sums.zero_()
        out = super().train(model, inputs, config)
        out["after/quantize.patch_sums"] = self.sums.clone()
        return out

    def rename(self, values):
        out = {}
        for name, value in values.items():
            if name.startswith("scaling_layer") or name in ("quantize.embedding.cluster_size", "quantize.embedding.embed_avg", "quantize.embedding.initted"): continue
            if name.startswith("teacher_model."): name = "teacher." + name[14:]
            out[name.replace("fc_norm.", "norm.")] = value
        return out

    def extra(self, tensors, config):
        return {"weight/quantize.patch_sums": torch.zeros_like(tensors["after/quantize.patch_sums"])}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(Vqkd(), args, config)
