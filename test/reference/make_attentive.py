"""The attentive probe by its official code (Atten4Vis/CAE, `VisionTransformer` of models/modeling_finetune.py with linear_type attentive, batch norm
of furnace/utils.py; what is trained and the optimiser are those of tools/run_attentive.py and furnace/optim_factory.py). See official.py for usage.
The published VisionTransformer calls the block with two arguments, both None, that the block does not take: they are left out. The file holds the tokens that the frozen encoder gives, and of the state only the probe's: query_token, attentive_blocks, fc_norm, head."""
import sys, types
from functools import partial
import torch
from official import Script, arguments, record


def stand_in(name, **parts):
    module = types.ModuleType(name)
    for key, value in parts.items(): setattr(module, key, value)
    sys.modules[name] = module


class Attentive(Script):
    repository = "Atten4Vis/CAE"

    def build(self, config):
        import timm.models
        stand_in("timm.models.registry", register_model=lambda make: make)
        stand_in("models.modeling_discrete_vae", Dalle_VAE=None, DiscreteVAE=None, VGGAN=None)  # tokenizers, which no probe needs
        stand_in("clip"); stand_in("clip.modeling_clip")
        sys.modules["clip"].modeling_clip = sys.modules["clip.modeling_clip"]
        from models.modeling_finetune import AttentiveBlock, VisionTransformer
        own = AttentiveBlock.__dict__["forward"]
        if own.__name__ == "forward":
            def called(self, x_q, x_kv, pos_q, pos_k, bool_masked_pos=None, rel_pos_bias=None): return own(self, x_q, x_kv, pos_q, pos_k)
            AttentiveBlock.forward = called
        model, data = config["model"], config["data"]
        vit = VisionTransformer(
            img_size=data["imageSize"], patch_size=model["patchSize"], in_chans=data["channels"], num_classes=config["classes"],
            embed_dim=model["width"], depth=model["depth"], num_heads=model["heads"], mlp_ratio=model["mlpRatio"], qkv_bias=True,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), init_values=model["layerScale"], use_mean_pooling=False, lin_probe=True,
            linear_type="attentive", args=types.SimpleNamespace(sin_pos_emb=True))
        for name, value in vit.named_parameters():
            value.requires_grad = name.startswith(("query_token", "attentive_blocks", "fc_norm", "head."))
        return vit

    def redraw(self, name, weight):
        return torch.randn_like(weight) * .3 if "cross_attn" in name or name == "head.weight" else weight

    def inputs(self, config):
        data, batch = config["data"], config["batch"]
        image = torch.randn(batch, data["channels"], data["imageSize"], data["imageSize"])
        return {"view/image": image, "label": torch.randint(config["classes"], (batch,))}

    def step(self, model, inputs, progress):
        model.eval()  # the encoder is frozen; the batch norm is told by is_train
        seen = []
        hook = model.norm.register_forward_hook(lambda _, __, out: seen.append(out))
        logits = model(inputs["view/image"], is_train=True)
        hook.remove()
        return torch.nn.CrossEntropyLoss()(logits, inputs["label"]), {}, {"tokens": seen[0], "logits": logits}

    def groups(self, model, config):
        optim = config["optim"]
        trained = [value for value in model.parameters() if value.requires_grad]
        return torch.optim.SGD(trained, lr=0, momentum=optim["momentum"], nesterov=True, weight_decay=optim["weightDecay"])

    def rename(self, values):
        isProbe = lambda name: name.startswith(("query_token", "attentive_blocks", "fc_norm", "head.")) and not name.endswith("tracked")
        return {name: value for name, value in values.items() if isProbe(name)}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(Attentive(), args, config)
