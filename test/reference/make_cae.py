"""CAE by its official code (Atten4Vis/CAE, models/modeling_cae.py), narrow and shallow. See official.py for usage. Masks are random ones of the
noise that is in the file. The loss is the training loop's (furnace/engine_for_pretraining.py): cross-entropy over all masked patches of the
batch, and the weighted squared distance of predicted and encoded latents.

The official tokenizer is DALL-E's dVAE, whose weights are a download; tokens are those of a codebook of patches in its place, drawn here. The
alignment encoder shares the encoder's weights from the first step's end on (alignment_parameter_update); it does from its beginning here, since
the copy that the official code begins with has been moved like all biases. Groups are those of optim_factory.py: vectors take no decay."""
import sys, types
from functools import partial
import torch
from torch.nn import functional as F
from official import Script, adamw, arguments, record


class Cae(Script):
    repository = "Atten4Vis/CAE"

    def build(self, config):
        import timm.models
        registry = type(sys)("timm.models.registry"); registry.register_model = lambda make: make
        sys.modules["timm.models.registry"] = registry
        sys.modules.setdefault("furnace.utils", type(sys)("furnace.utils"))
        from models.modeling_cae import ContextAutoencoderViT
        model, data, self.method = config["model"], config["data"], config["method"]
        regressor, decoder = self.method["regressor"], self.method["decoder"]
        self.patch, self.vocabulary = model["patchSize"], self.method["tokenizer"]["vocabulary"]
        generator = torch.Generator().manual_seed(1)
        self.codebook = torch.randn(self.vocabulary, self.patch ** 2 * data["channels"], generator=generator, dtype=torch.float32)
        self.frequency = torch.rand(self.vocabulary, generator=generator, dtype=torch.float32)
        args = types.SimpleNamespace(model_type="cae", regressor_depth=regressor["depth"], decoder_depth=decoder["depth"], decoder_embed_dim=model["width"])
        return ContextAutoencoderViT(
            img_size=data["imageSize"], patch_size=self.patch, in_chans=data["channels"], embed_dim=model["width"], depth=model["depth"],
            num_heads=model["heads"], mlp_ratio=model["mlpRatio"], qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            init_values=model["layerScale"], decoder_embed_dim=model["width"], regressor_depth=regressor["depth"],
            decoder_num_classes=self.vocabulary, decoder_num_heads=decoder["heads"], decoder_layer_scale_init_value=decoder["layerScale"],
            decoder_depth=decoder["depth"], args=args)

    def inputs(self, config):
        data, batch = config["data"], config["batch"]
        patches = (data["imageSize"] // self.patch) ** 2
        return {"view/image": torch.randn(batch, data["channels"], data["imageSize"], data["imageSize"]), "draw/mask": torch.rand(batch, patches)}

    def tokens(self, image):
        p = self.patch
        patches = image.unfold(2, p, p).unfold(3, p, p).permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)  # channels last
        return torch.cdist(patches, self.codebook.to(patches.dtype).expand(len(patches), -1, -1)).argmin(-1)

    def step(self, model, inputs, progress):
        image, noise = inputs["view/image"], inputs["draw/mask"]
        kept = int(noise.shape[1] * (1 - self.method["maskRatio"]))
        hidden = noise.argsort(1).argsort(1) >= kept
        model.alignment_parameter_update()
        labels = self.tokens(image)[hidden]
        logits, regressed, encoded = model(image, bool_masked_pos=hidden)
        main, alignment = torch.nn.CrossEntropyLoss()(input=logits, target=labels), F.mse_loss(regressed, encoded.detach(), reduction="mean")
        accuracy = (logits.max(-1)[1] == labels).to(logits.dtype).mean()
        parts = {"tokens": main, "alignment": alignment, "accuracy": accuracy}
        return main + self.method["alignmentWeight"] * alignment, parts, {"mask": hidden.to(image.dtype)}

    def groups(self, model, config):
        named = [(n, v) for n, v in model.named_parameters() if v.requires_grad]
        decays = lambda name, value: value.ndim > 1 and not name.endswith(".bias")
        return adamw([{"params": [v for n, v in named if not decays(n, v)], "weight_decay": 0.},
                      {"params": [v for n, v in named if decays(n, v)], "weight_decay": config["optim"]["weightDecay"]}], config["optim"])

    def rename(self, values):
        return {name: value for name, value in values.items() if not name.startswith("alignment_encoder.")}

    def extra(self, tensors, config):
        state = {"target.tokenizer.codebook": self.codebook, "target.tokenizer.frequency": self.frequency}
        return {f"{at}/{name}": value for at in ("weight", "after") for name, value in state.items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(Cae(), args, config)
