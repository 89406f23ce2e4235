"""FLIP by an independent implementation in PyTorch, written from the paper (arXiv 2212.00794) and its official JAX code: timm's patch
embedding, blocks and norm for pictures, torch.nn.TransformerEncoder for texts, the loss of transformers' CLIP. See official.py for usage; --official
is any git checkout, by habit facebookresearch/flip, and nothing of it is run.

GELU is by the error function in both towers. Texts are numbers; patches are left out by the noise in `draw/mask`."""
from functools import partial
import math
import torch
from official import Script, arguments, record


class Flip(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        from timm.models.vision_transformer import VisionTransformer
        model, method, data = config["model"], config["method"], config["data"]
        text = method["text"]
        self.ratio = method["maskRatio"]
        self.image = VisionTransformer(
            img_size=data["imageSize"], patch_size=model["patchSize"], embed_dim=model["width"], depth=model["depth"], num_heads=model["heads"],
            mlp_ratio=model["mlpRatio"], qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), num_classes=0)
        layer = torch.nn.TransformerEncoderLayer(
            text["width"], text["heads"], 4 * text["width"], dropout=0, activation="gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True)
        self.text = torch.nn.TransformerEncoder(
            layer, text["depth"], norm=torch.nn.LayerNorm(text["width"], eps=1e-6), enable_nested_tensor=False)
        self.tokens = torch.nn.Embedding(len(text["vocabulary"]), text["width"])
        self.places = torch.nn.Parameter(torch.randn(1, text["length"], text["width"]) * .02)
        self.image_projection = torch.nn.Linear(model["width"], method["output"], bias=False)
        self.text_projection = torch.nn.Linear(text["width"], method["output"], bias=False)
        self.logit_scale = torch.nn.Parameter(torch.tensor(math.log(1 / method["temperature"])))

    def forward(self, image, text, noise):
        from transformers.models.clip.modeling_clip import image_text_contrastive_loss
        vit = self.image
        x = vit.patch_embed(image) + vit.pos_embed[:, 1:]
        if self.ratio:
            kept = noise.argsort(1)[:, :int(x.shape[1] * (1 - self.ratio))]
            x = torch.stack([one[ids] for one, ids in zip(x, kept)])
        first = (vit.cls_token + vit.pos_embed[:, :1]).expand(len(x), -1, -1)
        images = self.image_projection(vit.norm(vit.blocks(torch.cat([first, x], 1))).mean(1))
        texts = self.text_projection(self.text(self.tokens(text) + self.places)[:, 0])
        unit = lambda rows: rows / (rows.norm(dim=1, keepdim=True) + 1e-8)
        scale = self.logit_scale.clamp(0, math.log(100)).exp()
        return image_text_contrastive_loss(scale * unit(texts) @ unit(images).T), unit(images), unit(texts), scale


class Script_(Script):
    repository = "independent PyTorch, beside facebookresearch/flip"

    def build(self, config):
        self.config = config
        return Flip(config)

    def inputs(self, config):
        data, batch, text = config["data"], config["batch"], config["method"]["text"]
        patches = (data["imageSize"] // config["model"]["patchSize"]) ** 2
        drawn = {"draw/mask": torch.rand(batch, patches)} if config["method"]["maskRatio"] else {}
        return {"view/image": torch.randn(batch, data["channels"], data["imageSize"], data["imageSize"]),
                "view/text": torch.randint(0, len(text["vocabulary"]), (batch, text["length"])), **drawn}

    def step(self, model, inputs, progress):
        loss, images, texts, scale = model(inputs["view/image"], inputs["view/text"], inputs.get("draw/mask"))
        return loss, {"scale": scale}, {"images": images, "texts": texts}

    def groups(self, model, config):
        optim = config["optim"]
        spared = lambda name, value: name.endswith("bias") or "pos_embed" in name or name == "places" or (value.ndim == 1)
        named = list(model.named_parameters())
        groups = [{"params": [p for n, p in named if spared(n, p) == side], "weight_decay": 0 if side else optim["weightDecay"]} for side in (False, True)]
        return torch.optim.AdamW(groups, lr=0, betas=tuple(optim["betas"]), eps=optim["epsilon"])

    def rename(self, values):
        layers = (("self_attn.in_proj_", "attn.qkv."), ("self_attn.out_proj.", "attn.proj."), ("linear1.", "mlp.fc1."), ("linear2.", "mlp.fc2."))
        def ours(name):
            if name.startswith("image."): return "encoder." + name[6:]
            for theirs, own in layers: name = name.replace(theirs, own)
            return {"tokens.weight": "text.token_embed", "places": "text.pos_embed"}.get(name, name.replace("text.layers.", "text.blocks."))
        return {ours(name): value for name, value in values.items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(Script_(), args, config)
