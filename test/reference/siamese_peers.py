"""What make_simclr.py and make_byol.py share: two public implementations of siamese methods, independent of each other, where the authors' own
code is TensorFlow's or JAX's. A config's `code` says which one makes the numbers:

solo-learn (vturrisi/solo-learn): its methods, losses and LARS. What a method inherits there from PyTorch Lightning (the loop, logging) is
left out: `Base` below gives a method its backbone and the views' features, as solo/methods/base.py does.
lightly (lightly-ai/lightly): its heads, losses and averages, put together as in benchmarks/imagenet/resnet50/<method>.py.

The backbone is torchvision's ResNet, narrow, or timm's ViT."""
import importlib.util, os, sys, types
import torch
from official import Script, narrow

REPOSITORIES = {"solo-learn": "vturrisi/solo-learn", "lightly": "lightly-ai/lightly"}


def backbone(config):
    """-> a module that gives pooled features, and their width"""
    model, data = config["model"], config["data"]
    if model["name"] == "vit":
        from functools import partial
        from timm.models.vision_transformer import VisionTransformer
        vit = VisionTransformer(img_size=data["imageSize"], patch_size=model["patchSize"], embed_dim=model["width"], depth=model["depth"], num_heads=model["heads"],
                                num_classes=0, global_pool="token", norm_layer=partial(torch.nn.LayerNorm, eps=1e-6))
        return vit, model["width"]
    net = narrow(model["width"], model["block"], model["depths"])(1)
    width = net.fc.in_features
    net.fc = torch.nn.Identity()
    return net, width


class Settings(dict):
    """omegaconf's access by attribute."""
    __getattr__ = dict.__getitem__


def solo(checkout, method, Base):
    """A method of solo-learn over `Base`. Only its own file, its loss and what these use are loaded."""
    def module(name, **parts):
        sys.modules[name] = made = types.ModuleType(name)
        for key, value in parts.items(): setattr(made, key, value)
    module("omegaconf", DictConfig=dict, OmegaConf=None)
    module("solo"), module("solo.utils"), module("solo.losses"), module("solo.methods")
    module("solo.utils.misc", gather=lambda x: x, get_rank=lambda: 0)
    module("solo.methods.base", BaseMethod=Base, BaseMomentumMethod=Base)
    for name in ("utils.momentum", f"losses.{method}", f"methods.{method}"): load(checkout, f"solo.{name}")
    return sys.modules[f"solo.methods.{method}"]


def load(checkout, name):
    """A file of a checkout by itself, under its module's name."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(checkout, *name.split(".")) + ".py")
    sys.modules[name] = made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


class Base(torch.nn.Module):
    """BaseMethod and BaseMomentumMethod: a backbone, and what the method makes of each view. A method's `together` says whether both views pass in one batch."""
    together = False

    def __init__(self, config):
        super().__init__()
        self.backbone, self.features_dim = backbone(config.run)
        self.num_large_crops, self.num_small_crops, self.num_crops = 2, 0, 2

    def log(self, *_, **__): pass
    log_dict = log

    def forward(self, x): return {"feats": self.backbone(x)}
    def momentum_forward(self, x): return {"feats": self.momentum_backbone(x)}

    def training_step(self, batch, _):
        _, views, _ = batch
        def each(forward):
            if not self.together: return [forward(x) for x in views]
            out = forward(torch.cat(views))
            return [{k: v.chunk(2)[i] for k, v in out.items()} for i in range(2)]
        online = each(self.forward)
        momentum = each(self.momentum_forward) if hasattr(self, "momentum_backbone") else [{}, {}]
        joined = {k: [one[k] for one in online] for k in online[0]}
        return {"loss": 0, **joined, **{"momentum_" + k: [one[k] for one in momentum] for k in momentum[0]}}


class Siamese(Script):
    """Two noisy views, and the optimiser that the config names."""
    def __init__(self, args, config):
        self.checkout, self.code = args.official, config["code"]
        self.repository = REPOSITORIES[self.code]

    def inputs(self, config):
        shape = (config["batch"], config["data"]["channels"], config["data"]["imageSize"], config["data"]["imageSize"])
        base = torch.randn(shape)
        return {"view/first": base + torch.randn(shape) * .5, "view/second": base + torch.randn(shape) * .5}

    def groups(self, model, config):
        optim = config["optim"]
        trained = [p for p in model.parameters() if p.requires_grad]
        if optim["name"] == "lars":
            # solo-learn's scales by |w| / (|g| + decay |w|), the methods' own code by |w| / |g + decay w|: the same where nothing decays.
            assert optim["weightDecay"] == 0
            sys.modules["torch.optim.optimizer"].required = None  # older than the packages
            lars = load(self.checkout, "solo.utils.lars").LARS
            return lars(trained, lr=0., momentum=optim["momentum"], eta=optim["trustCoefficient"], eps=1e-30, exclude_bias_n_norm=True)
        matrices, vectors = [p for p in trained if p.ndim > 1], [p for p in trained if p.ndim <= 1]
        return torch.optim.SGD([{"params": matrices}, {"params": vectors, "weight_decay": 0}], .1, momentum=optim["momentum"], weight_decay=optim["weightDecay"])
