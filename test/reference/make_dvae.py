"""A dVAE by the code of BEiT's authors (microsoft/unilm, beit/modeling_discrete_vae.py): its codebook, relaxation, decoder and loss, behind timm's
ViT and a 1 × 1 convolution in place of its own encoder. See official.py for usage; the checkout is the folder `beit` of the repository;
needs einops too.

The noise of the relaxation is made of the uniform numbers in the file. The official divergence is a sum over pictures and patches (its
"batchmean" divides by one): the weight that it is given is divided by their number."""
import math, sys
import torch
from official import Script, adamw, arguments, record, timm_groups


class Encoder(torch.nn.Module):
    def __init__(self, model, data, vocabulary):
        super().__init__()
        from functools import partial
        from timm.models.vision_transformer import VisionTransformer
        self.grid = data["imageSize"] // model["patchSize"]
        self.vit = VisionTransformer(img_size=data["imageSize"], patch_size=model["patchSize"], embed_dim=model["width"], depth=model["depth"], in_chans=data["channels"],
                                     num_heads=model["heads"], num_classes=0, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6))
        self.head = torch.nn.Conv2d(model["width"], vocabulary, 1)

    def forward(self, image):
        tokens = self.vit.forward_features(image)[:, 1:]
        return self.head(tokens.transpose(1, 2).unflatten(2, (self.grid, self.grid)))


class Dvae(Script):
    repository = "microsoft/unilm"

    def build(self, config):
        tokenizer = type(sys)("dall_e"); tokenizer.load_model = None  # imported, and used for DALL-E's weights alone
        sys.modules["dall_e"] = tokenizer
        from modeling_discrete_vae import DiscreteVAE
        model, data, self.method = config["model"], config["data"], config["method"]
        self.layers, self.positions = int(math.log2(model["patchSize"])), (data["imageSize"] // model["patchSize"]) ** 2
        made = DiscreteVAE(image_size=data["imageSize"], num_tokens=self.method["vocabulary"], codebook_dim=self.method["codeWidth"], num_layers=self.layers,
                           hidden_dim=self.method["hidden"], channels=data["channels"], kl_div_loss_weight=self.method["klWeight"] / (self.positions * config["batch"]))
        made.encoder = Encoder(model, data, self.method["vocabulary"])
        return made

    def inputs(self, config):
        batch, side, grid = config["batch"], config["data"]["imageSize"], config["data"]["imageSize"] // config["model"]["patchSize"]
        return {"view/image": torch.randn(batch, config["data"]["channels"], side, side), "draw/gumbel": torch.rand(batch, self.method["vocabulary"], grid, grid)}

    def step(self, model, inputs, progress):
        ramp = self.method["temperature"]
        share = min(1, progress / ramp["over"])
        temperature = ramp["to"] + (ramp["from"] - ramp["to"]) * .5 * (1 + math.cos(math.pi * share))
        noise = -(-inputs["draw/gumbel"].log()).log()
        torch.nn.functional.gumbel_softmax = lambda logits, tau, dim, hard: ((logits + noise) / tau).softmax(dim)
        loss, again = model(inputs["view/image"], return_loss=True, return_recons=True, temp=temperature)
        reconstruction = model.loss_fn(inputs["view/image"], again)
        return loss, {"reconstruction": reconstruction}, {}

    def groups(self, model, config): return adamw(timm_groups(model, config["optim"]["weightDecay"]), config["optim"])

    def rename(self, values):
        out, parts = {}, {"0": "first", "2": "second", "4": "last"}
        for name, value in values.items():
            keys = name.split(".")
            if name == "codebook.weight": name = "codebook"
            elif name.startswith("encoder.vit."): name = "encoder." + name[12:]
            elif name.startswith("encoder.head."): name = "token_head." + name[13:]
            elif int(keys[1]) == 2 * self.layers: name = f"decoder.last.{keys[2]}"
            elif keys[2] == "net": name = f"decoder.layers.{int(keys[1]) // 2}.residual.{parts[keys[3]]}.{keys[4]}"
            else: name = f"decoder.layers.{int(keys[1]) // 2}.up.{keys[3]}"
            out[name] = value
        return out


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(Dvae(), args, config)
