"""SupMAE by its official code (enyac-group/supmae): models_supmae.py, with the loss of engine_pretrain.py's training step, which is
written out in `step` below. See official.py for usage.

A picture without a label has -1 in `view/label`; the official code's criterion ignores -100, which it is given instead."""
from functools import partial
import torch
from official import Script, adamw, arguments, record, timm_groups


class SupMae(Script):
    repository = "enyac-group/supmae"

    def build(self, config):
        import models_supmae
        self.method = method = config["method"]
        model, data, decoder = config["model"], config["data"], config["method"]["decoder"]
        assert decoder["mlpRatio"] == model["mlpRatio"], "the official code has one ratio for both"
        return models_supmae.SupervisedMaskedAutoencoderViT(
            img_size=data["imageSize"], patch_size=model["patchSize"], in_chans=data["channels"], embed_dim=model["width"], depth=model["depth"],
            num_heads=model["heads"], mlp_ratio=model["mlpRatio"], decoder_embed_dim=decoder["width"], decoder_depth=decoder["depth"],
            decoder_num_heads=decoder["heads"], norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), norm_pix_loss=method["normalizeTargets"],
            cls_hidden_mlp=method["hidden"], nb_classes=method["classes"], global_pool=method["pool"] == "mean")

    def inputs(self, config):
        batch, data = config["batch"], config["data"]
        label = torch.randint(0, config["method"]["classes"], (batch,))
        label[:config["unlabelled"]] = -1
        patches = (data["imageSize"] // config["model"]["patchSize"]) ** 2
        return {"view/image": torch.randn(batch, data["channels"], data["imageSize"], data["imageSize"]), "view/label": label,
                "draw/mask": torch.rand(batch, patches)}

    def step(self, model, inputs, progress):
        label = inputs["view/label"]
        drawn, torch.rand = torch.rand, lambda *a, **k: inputs["draw/mask"].clone()
        reconstruction, pred, mask, logits = model(inputs["view/image"], mask_ratio=self.method["maskRatio"])
        latent = model.forward_encoder(inputs["view/image"], self.method["maskRatio"])[0]
        torch.rand = drawn
        criterion = torch.nn.CrossEntropyLoss(ignore_index=-100)
        classification = criterion(logits / self.method["temperature"], torch.where(label < 0, -100, label)) * self.method["classWeight"]
        return classification + reconstruction, {"reconstruction": reconstruction, "classification": classification}, \
            {"mask": mask, "latent": latent, "pred": pred, "logits": logits}

    def groups(self, model, config):
        return adamw(timm_groups(model, config["optim"]["weightDecay"]), config["optim"])


if __name__ == "__main__":
    record(SupMae(), *arguments(__doc__))
