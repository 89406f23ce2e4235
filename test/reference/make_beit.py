"""BEiT by its official code (microsoft/unilm, beit/modeling_pretrain.py, masking as given), narrow and shallow. See official.py for usage; the
checkout is the folder `beit` of the repository. Masks are random ones of the noise that is in the file.

The official tokenizer is DALL-E's dVAE, whose weights are a download; tokens are those of a codebook of patches in its place, drawn here, and
the loss is the training loop's (engine_for_pretraining.py): cross-entropy over all masked patches of the batch. Groups are those of
optim_factory.py: vectors, biases, class token and positions take no decay."""
import sys
from functools import partial
import torch
from official import Script, adamw, arguments, record


class Beit(Script):
    repository = "microsoft/unilm"

    def network(self, config):
        """-> the official class, and what it takes besides"""
        from modeling_pretrain import VisionTransformerForMaskedImageModeling
        return VisionTransformerForMaskedImageModeling, {}

    def build(self, config):
        import timm.models
        registry = type(sys)("timm.models.registry"); registry.register_model = lambda make: make
        sys.modules["timm.models.registry"] = registry
        make, more = self.network(config)
        model, data, method = config["model"], config["data"], config["method"]
        self.patch, self.vocabulary, self.ratio = model["patchSize"], method["tokenizer"]["vocabulary"], method["maskRatio"]
        generator = torch.Generator().manual_seed(1)
        self.codebook = torch.randn(self.vocabulary, self.patch ** 2 * data["channels"], generator=generator, dtype=torch.float32)
        self.frequency = torch.rand(self.vocabulary, generator=generator, dtype=torch.float32)
        return make(**{**dict(
            img_size=data["imageSize"], patch_size=self.patch, in_chans=data["channels"], vocab_size=self.vocabulary, embed_dim=model["width"],
            depth=model["depth"], num_heads=model["heads"], mlp_ratio=model["mlpRatio"], qkv_bias=True,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), init_values=model.get("layerScale"),
            use_abs_pos_emb=model["positions"] == "learned", use_shared_rel_pos_bias=model.get("relativePositions") == "shared"), **more})

    def redraw(self, name, weight):
        return torch.randn_like(weight) * .5 if "bias_table" in name else weight

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
        kept = int(noise.shape[1] * (1 - self.ratio))
        hidden = noise.argsort(1).argsort(1) >= kept
        labels = self.tokens(image)[hidden]
        outputs = model(image, bool_masked_pos=hidden, return_all_tokens=False)
        accuracy = (outputs.max(-1)[1] == labels).to(outputs.dtype).mean()
        return torch.nn.CrossEntropyLoss()(input=outputs, target=labels), {"accuracy": accuracy}, {"mask": hidden.to(image.dtype)}

    def groups(self, model, config):
        spared = model.no_weight_decay()
        decays = lambda name, value: value.ndim > 1 and not name.endswith(".bias") and name not in spared
        named = list(model.named_parameters())
        return adamw([{"params": [v for n, v in named if not decays(n, v)], "weight_decay": 0.},
                      {"params": [v for n, v in named if decays(n, v)], "weight_decay": config["optim"]["weightDecay"]}], config["optim"])

    def rename(self, values):
        out = {}
        for name, value in values.items():
            if name.endswith("relative_position_index"): continue
            if name.startswith("lm_head."): name = name.replace("lm_head.", "head.")
            elif name != "mask_token": name = "encoder." + name
            out[name] = value
        return out

    def extra(self, tensors, config):
        state = {"target.tokenizer.codebook": self.codebook, "target.tokenizer.frequency": self.frequency}
        return {f"{at}/{name}": value for at in ("weight", "after") for name, value in state.items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(Beit(), args, config)
