"""BEiT v2 by its official code (microsoft/unilm, beit2/modeling_pretrain.py, masking as given), narrow and shallow, over what make_beit.py has. See
official.py for usage; the checkout is the folder `beit2` of the repository.

Tokens are those of a codebook of patches in place of VQ-KD's, as in make_beit.py; both losses are the training loop's (engine_for_pretraining.py)."""
import torch
from make_beit import Beit
from official import arguments, record


class BeitV2(Beit):
    def network(self, config):
        from modeling_pretrain import VisionTransformerForMaskedImageModelingCLS
        head = config["method"]["aggregation"]
        return VisionTransformerForMaskedImageModelingCLS, {
            "init_values": config["model"].get("layerScale", 0.), "use_rel_pos_bias": config["model"].get("relativePositions") == "perBlock",
            "early_layers": head["early"], "head_layers": head["depth"], "shared_lm_head": head.get("sharedHead", True)}

    def step(self, model, inputs, progress):
        image, noise = inputs["view/image"], inputs["draw/mask"]
        kept = int(noise.shape[1] * (1 - self.ratio))
        hidden = noise.argsort(1).argsort(1) >= kept
        labels = self.tokens(image)[hidden]
        outputs = model(image, bool_masked_pos=hidden)
        losses = [torch.nn.CrossEntropyLoss()(input=one, target=labels) for one in outputs]
        right = [(one.max(-1)[1] == labels).to(one.dtype).mean() for one in outputs]
        parts = {"main": losses[0], "aggregated": losses[1], "accuracy": right[0], "aggregatedAccuracy": right[1]}
        return losses[0] + losses[1], parts, {"mask": hidden.to(image.dtype)}

    def rename(self, values):
        return {name.removeprefix("encoder.") if name.startswith("encoder.cls_pt") else name: value for name, value in super().rename(values).items()}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    record(BeitV2(), args, config)
