"""The models of timm and transformers that the bench compares with, given weights by their official names."""

import re

from timm.models.vision_transformer import VisionTransformer
from transformers import ViTConfig, ViTMAEConfig, ViTMAEForPreTraining, ViTModel

# Official name -> name in transformers 5, of what is not in a block.
TOP = {
    "cls_token": "embeddings.cls_token",
    "pos_embed": "embeddings.position_embeddings",
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "norm": "layernorm",
}
BLOCK = {"norm1": "layernorm_before", "norm2": "layernorm_after", "attn.proj": "attention.o_proj"}


def hugging_face_names(weights, encoder):
    """Weights by the names of transformers: qkv in three. `encoder`: what stands before an encoder's names."""
    renamed = {}
    for name, value in weights.items():
        decoder, rest = name.startswith("decoder_blocks."), name.removeprefix("decoder_")
        block = re.fullmatch(r"blocks\.(\d+)\.(.+)\.(weight|bias)", rest)
        if block is None:
            part, _, last = name.rpartition(".")
            top = f"{TOP[part]}.{last}" if part in TOP else TOP.get(name)
            renamed[f"decoder.{name}" if top is None else encoder + top] = value
            continue
        number, part, last = block.groups()
        where = f"decoder.decoder_layers.{number}." if decoder else f"{encoder}layers.{number}."
        if part == "attn.qkv":
            for letter, third in zip("qkv", value.chunk(3)):
                renamed[f"{where}attention.{letter}_proj.{last}"] = third
        else:
            renamed[f"{where}{BLOCK.get(part, part)}.{last}"] = value
    return renamed


def shape(settings):
    return {
        "image_size": settings["imageSize"],
        "patch_size": settings["patchSize"],
        "hidden_size": settings["width"],
        "num_hidden_layers": settings["depth"],
        "num_attention_heads": settings["heads"],
        "intermediate_size": 4 * settings["width"],
        "layer_norm_eps": 1e-6,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }


def hugging_face_mae(settings, weights):
    config = ViTMAEConfig(
        **shape(settings),
        decoder_hidden_size=settings["decoderWidth"],
        decoder_num_hidden_layers=settings["decoderDepth"],
        decoder_num_attention_heads=settings["decoderHeads"],
        decoder_intermediate_size=4 * settings["decoderWidth"],
        mask_ratio=settings["maskRatio"],
        norm_pix_loss=True,
    )
    model = ViTMAEForPreTraining(config)
    model.load_state_dict(hugging_face_names(weights, "vit."))
    return model.train()


def hugging_face_encoder(settings, weights):
    model = ViTModel(ViTConfig(**shape(settings)), add_pooling_layer=False)
    model.load_state_dict(hugging_face_names(weights, ""))
    return model.eval()


def timm_vit(settings, **options):
    return VisionTransformer(
        img_size=settings["imageSize"],
        patch_size=settings["patchSize"],
        embed_dim=settings["width"],
        depth=settings["depth"],
        num_heads=settings["heads"],
        **options,
    )


def timm_encoder(settings, weights=None):
    model = timm_vit(settings, num_classes=0, global_pool="")
    if weights is not None:
        model.load_state_dict(weights)
    return model.eval()


def timm_classifier(settings, weights):
    model = timm_vit(settings, num_classes=settings["classes"], global_pool="avg")
    model.load_state_dict(weights)
    return model.train()


def layer_decay_groups(model, settings):
    """MAE's util/lr_decay.py in short: the rate falls from the head down, vectors, class token and positions are not decayed."""
    depth = settings["depth"]
    groups = {}
    for name, parameter in model.named_parameters():
        block = re.match(r"blocks\.(\d+)\.", name)
        bottom = name in ("cls_token", "pos_embed") or name.startswith("patch_embed.")
        layer = 0 if bottom else int(block[1]) + 1 if block else depth + 1
        decayed = parameter.ndim > 1 and name not in ("cls_token", "pos_embed")
        group = groups.setdefault((layer, decayed), {"params": []})
        group["params"].append(parameter)
        group["weight_decay"] = settings["weightDecay"] if decayed else 0.0
        group["scale"] = settings["layerDecay"] ** (depth + 1 - layer)
    return list(groups.values())
