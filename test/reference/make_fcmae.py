"""FCMAE by its official code (facebookresearch/ConvNeXt-V2, models/fcmae.py). See official.py for usage.

Official: the classes FCMAE and SparseConvNeXtV2 with their blocks, norms and GRN, the mask and its upsampling, decoder, patchify, loss,
remap_checkpoint_keys (sparse names and layouts to dense ones). Standing in: MinkowskiEngine's operations (minkowski.py); with
"grn": "image" GRN's norm is of each image, with "batch" it is the release's. Two checks each time: with nothing hidden the encoder
must give what the official dense ConvNeXtV2 gives with the remapped weights ("image" only), and the visible features must be those of
make_sparse.py, which are stored as `sparse/features`.
The official code sorts normal noise; its order is all that counts, so it is given the uniform `draw/mask`."""
import torch
import make_sparse, minkowski
from official import Script, adamw, arguments, record, timm_groups, to_precision


class Fcmae(Script):
    repository = "facebookresearch/ConvNeXt-V2"

    def build(self, config):
        import models.fcmae, models.utils
        self.method = method = config["method"]
        self.grn = config["grn"]
        if self.grn == "image": models.utils.MinkowskiGRN.forward = minkowski.grn_of_each_image
        model, decoder = config["model"], method["decoder"]
        return models.fcmae.FCMAE(img_size=config["data"]["imageSize"], in_chans=config["data"]["channels"], depths=model["depths"],
            dims=model["widths"], decoder_depth=decoder["depth"], decoder_embed_dim=decoder["width"], patch_size=32,
            mask_ratio=method["maskRatio"], norm_pix_loss=method["normalizeTargets"])

    def redraw(self, name, weight):
        # The release's own first values have a deviation of 1 in most layers, by mistake it seems.
        inputs = weight.shape[1:].numel() if name.endswith("weight") else weight.shape[:-1].numel()
        return torch.randn_like(weight) / inputs ** .5

    def inputs(self, config):
        size = config["data"]["imageSize"]
        return {"view/image": torch.randn(config["batch"], config["data"]["channels"], size, size), "draw/mask": torch.rand(config["batch"], (size // 32) ** 2)}

    def step(self, model, inputs, progress):
        features = []
        hook = model.encoder.register_forward_hook(lambda _, __, out: features.append(out))
        drawn, torch.randn = torch.randn, lambda *a, **k: inputs["draw/mask"].clone()
        loss, pred, mask = model(inputs["view/image"], mask_ratio=self.method["maskRatio"])
        torch.randn = drawn; hook.remove()
        return loss, {}, {"mask": mask, "features": features[0], "pred": pred}

    def groups(self, model, config):
        return adamw(timm_groups(model, config["optim"]["weightDecay"]), config["optim"])

    def rename(self, values):
        from utils import remap_checkpoint_keys
        encoder = remap_checkpoint_keys({k: v for k, v in values.items() if k.startswith("encoder.")})
        return {**encoder, **{k: v for k, v in values.items() if not k.startswith("encoder.")}}

    def extra(self, tensors, config):
        weights = {name[7:]: w for name, w in tensors.items() if name.startswith("weight/")}
        if self.grn != "image": return {}
        self.dense(weights, tensors["view/image"], config)
        found = torch.from_numpy(make_sparse.features(weights, tensors["view/image"], tensors["out/mask"], config["model"]["depths"]))
        agree("features by plain loops", found, tensors["out/features"])
        return {"sparse/features": found}

    def dense(self, weights, image, config):
        from models.convnextv2 import ConvNeXtV2
        torch.set_default_dtype(torch.float64)
        dense = ConvNeXtV2(in_chans=image.shape[1], depths=config["model"]["depths"], dims=config["model"]["widths"]).double()
        missing, _ = dense.load_state_dict(to_precision(weights, torch.float64), strict=False)
        assert sorted(missing) == ["head.bias", "head.weight", "norm.bias", "norm.weight"], missing
        x = image.double()
        for down, stage in zip(dense.downsample_layers, dense.stages): x = stage(down(x))
        sparse = self.build(config).double()
        sparse.load_state_dict(to_precision(self.state, torch.float64))
        found = sparse.encoder(image.double(), torch.zeros(len(image), (config["data"]["imageSize"] // 32) ** 2, dtype=torch.float64))
        torch.set_default_dtype(torch.float32)
        agree("the official dense encoder, nothing hidden", found, x)


def agree(what, a, b):
    apart = float((a - b).abs().max() / b.abs().max())
    print(f"  {what}: {apart:.1e}")
    assert apart < 1e-6, what  # weights have been rounded to float32 before, nothing since


if __name__ == "__main__":
    minkowski.install()
    record(Fcmae(), *arguments(__doc__))
