"""What the scripts share that run official repositories: the command line, names that newer packages have moved, a few training
steps in float32 and in float64, tolerances, the file (its layout: README.md).

usage of each: python make_<method>.py --official CHECKOUT --config configs/<name>.json --out <method>-<config>.safetensors
packages: torch 2.15, timm 1.0.31, torchvision 0.29, numpy 2.4, safetensors"""
import argparse, json, os, re, subprocess, sys, types, warnings
os.environ["TIMM_FUSED_ATTN"] = "0"  # softmax(q kᵀ) v as the repositories' timm has it, not the fused kernel
import numpy as np, torch
from safetensors.torch import save_file

FACTOR = 3
FLOOR = {"loss": 1e-5, "parts": 1e-5, "outputs": 1e-5, "steps": 1e-5, "gradients": 1e-4, "parameters": 1e-4, "buffers": 1e-4}
ROUNDING = 1e-7  # weights of further float32 runs are moved by this much of themselves, so that the tolerance is no luck of one run
EXACT_ZERO = 1e-12  # of the largest gradient of all: what float64 leaves of a gradient that is zero in exact arithmetic


def arguments(doc, *more):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("official", "config", "out", *more):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    sys.path.insert(0, args.official)
    adapt()
    with open(args.config) as file:
        return args, json.load(file)


def adapt():
    """Stands in for what the repositories import and current packages call otherwise."""
    warnings.simplefilter("ignore")
    import timm.layers, timm.models.vision_transformer as vit
    helpers = types.ModuleType("timm.models.layers.helpers")
    helpers.to_2tuple = timm.layers.to_2tuple
    sys.modules["timm.models.layers"] = timm.layers
    sys.modules["timm.models.layers.helpers"] = helpers
    vit.VisionTransformer.num_tokens = 1  # the class token; timm calls it num_prefix_tokens today
    block = vit.Block.__init__
    vit.Block.__init__ = lambda self, *a, qk_scale=None, **k: block(self, *a, **k)  # None: 1 / sqrt(head width), as today
    for name, part, value in (("torch.utils.tensorboard", "SummaryWriter", None), ("tensorboardX", "SummaryWriter", None), ("torch._six", "inf", np.inf)):
        module = types.ModuleType(name); setattr(module, part, value)
        sys.modules[name] = module
    np.float = float
    torch.Tensor.cuda = lambda self, *a, **k: self


def bare_package(checkout, name):
    """A checkout's package without what its __init__ imports, so that one of its files can be used by itself."""
    for other in [other for other in sys.modules if other.split(".")[0] == name]: del sys.modules[other]
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [os.path.join(checkout, name)]


def one_process():
    """torch.distributed as one process, for code that gathers."""
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)


def timm_groups(model, decay):
    """timm's add_weight_decay, which the masked methods' scripts call: vectors and biases take none."""
    from timm.optim import param_groups_weight_decay
    return param_groups_weight_decay(model, decay)


def adamw(groups, optim):
    return torch.optim.AdamW(groups, lr=0, betas=tuple(optim["betas"]), eps=optim["epsilon"], weight_decay=optim["weightDecay"])


def narrow(width, block, depths):
    """torchvision's ResNet with every width divided by 64 / width, so that it fits into a small file: `Narrow` changes the widths that
    ResNet passes on, nothing else."""
    from torchvision.models import resnet

    class Narrow(resnet.ResNet):
        def _make_layer(self, kind, planes, *rest, **options):
            if planes == 64:  # the first stage: the stem before it becomes narrow too
                self.inplanes = width
                self.conv1 = torch.nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
                self.bn1 = self._norm_layer(width)
            return super()._make_layer(kind, planes * width // 64, *rest, **options)

    kind = {"basic": resnet.BasicBlock, "bottleneck": resnet.Bottleneck}[block]

    def make(num_classes):
        model = Narrow(kind, depths, num_classes=num_classes, zero_init_residual=True)
        model.fc = torch.nn.Linear(8 * width * kind.expansion, num_classes)
        return model
    return make


def move(model, redraw=None):
    """Moves what is trivial at first (biases, norms, tokens, statistics) off its first values. redraw(name, weight): others."""
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_mean"): value.normal_(0, .1)
            elif name.endswith("running_var"): value.uniform_(.5, 1.5)
            elif name.endswith("num_batches_tracked"): value.fill_(3)
            elif "pos_embed" in name or not value.is_floating_point(): continue
            elif value.numel() == max(value.shape, default=1): value.add_(torch.randn_like(value) * .1)
            elif redraw: value.copy_(redraw(name, value))


def to_precision(values, dtype):
    return {name: v.to(dtype) if v.is_floating_point() else v.clone() for name, v in values.items()}


class Script:
    """What a script says of its method."""
    repository = ""
    state = {}  # the first state by its official names, once it is there

    def build(self, config):
        """-> the official module"""
    def redraw(self, name, weight):
        """-> first values of a weight of two and more dimensions"""
        return weight
    def inputs(self, config):
        """-> {name: tensor}: views and draws, float32 or int64"""
    def step(self, model, inputs, progress):
        """-> loss, parts, outputs"""
    def groups(self, model, config):
        """-> the optimiser, its rates are set at each step"""
    def before_update(self, model, optimizer, config, step):
        """between backward and the optimiser's step"""
    def after_update(self, model, config, step):
        """after it"""
    def rename(self, values):
        """official state or gradients -> ours"""
        return values
    def train(self, model, inputs, config):
        """a few steps on one batch -> the file's tensors, in the model's precision; overridden where the official loop itself is run"""
        return train(self, model, inputs, config)
    def extra(self, tensors, config):
        """more tensors for the file, from those that are in it"""
        return {}


def train(script, model, inputs, config):
    """A few steps on one batch -> the file's tensors, in the model's precision."""
    out, optimizer, losses = {}, script.groups(model, config), []
    model.train()
    for step in range(config["steps"]):
        rates = config["optim"]["rates"]
        for group in optimizer.param_groups: group["lr"] = max(rates) if group.get("fix_lr") else rates[step]
        loss, parts, outputs = script.step(model, inputs, config["progress"][step])
        optimizer.zero_grad(); loss.backward()
        if step == 0:
            out["loss"] = loss.detach().clone()
            out.update({"part/" + k: v.detach().clone() for k, v in parts.items()})
            out.update({"out/" + k: v.detach().clone() for k, v in outputs.items()})
            gradients = {k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}
            out.update({"grad/" + k: v for k, v in script.rename(gradients).items()})
        script.before_update(model, optimizer, config, step)
        optimizer.step(); losses.append(loss.detach())
        with torch.no_grad(): script.after_update(model, config, step)
    out["steps.loss"] = torch.stack(losses)
    out.update({"after/" + k: v.detach().clone() for k, v in script.rename(model.state_dict()).items()})
    return out


KINDS = {"loss": "loss", "steps.loss": "steps", "part": "parts", "out": "outputs", "grad": "gradients", "after": "parameters"}


def part_of(name):
    if name.startswith("after/") and ("running_" in name or "num_batches" in name): return "buffers"
    return KINDS.get(name) or KINDS.get(re.split(r"[./]", name)[0], "outputs")


def zero_gradients(values):
    """Gradients that are zero in exact arithmetic (keys' biases, a shift before batch norm) are rounding: they become zeros."""
    names = [n for n in values if n.startswith("grad")]
    largest = max(values[n].abs().max() for n in names)
    for n in names: values[n][values[n].abs() < EXACT_ZERO * largest] = 0
    return float(largest)


def difference(name, ours, exact, largest):
    """max |a - b| / max |b|. After steps, entries without a gradient are left out: Adam turns their rounding into whole steps."""
    a, b = ours[name].double(), exact[name].double()
    if name.startswith("after/"):
        named = name[6:].removeprefix("teacher.")
        gradient = exact.get("grad/" + named, exact.get("grad.0/" + named))
        if gradient is not None: a, b = a[gradient != 0], b[gradient != 0]
    if b.numel() == 0: return 0.
    scale = b.abs().max()
    if scale == 0: scale = largest if name.startswith("grad") else 1.
    return float((a - b).abs().max() / scale)


def tolerances(runs, exact, largest):
    """By part: FACTOR times how far the worst of the float32 runs is from float64. Tensors in which noise is far more than in the
    rest of their part (a mean that a rounded bias shifts) have an entry of their own."""
    apart = {name: max(difference(name, run, exact, largest) for run in runs) for name in exact}
    own = {name: d for name, d in apart.items() if FACTOR * d > 10 * FLOOR[part_of(name)]}
    if len(own) > 4: raise SystemExit(f"{len(own)} tensors are far off in float32: a kink is near, choose another seed. {own}")
    parts = {}
    for name in (name for name in exact if name not in own): parts[part_of(name)] = max(parts.get(part_of(name), (0, "")), (apart[name], name))
    for part, (d, name) in parts.items(): print(f"  {part:10} float32 from float64 {d:.1e}, in {name}")
    for name, d in own.items(): print(f"  {name} {d:.1e}")
    rounded = lambda part, d: max(FLOOR[part], float(f"{FACTOR * d:.1e}"))
    return {**{part: rounded(part, d) for part, (d, _) in parts.items()}, **{name: rounded(part_of(name), d) for name, d in own.items()}}


def commit_of(checkout):
    return subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def record(script, args, config):
    torch.set_num_threads(1); torch.manual_seed(config["seed"])
    first = script.build(config); move(first, script.redraw)
    script.state = state = {k: v.clone() for k, v in first.state_dict().items()}
    inputs = script.inputs(config)
    def run(dtype, noise=0.):
        torch.set_default_dtype(dtype)
        model = script.build(config).to(dtype)
        model.load_state_dict({k: jittered(v, noise) for k, v in to_precision(state, dtype).items()})
        return script.train(model, to_precision(inputs, dtype), config)

    exact = run(torch.float64)
    largest = zero_gradients(exact)
    runs = [run(torch.float32, noise) for noise in (0, ROUNDING, ROUNDING, ROUNDING)]
    torch.set_default_dtype(torch.float32)
    print(args.out, exact["steps.loss"].tolist())
    tolerance = tolerances(runs, exact, largest)
    tensors = {**inputs, **{"weight/" + k: v for k, v in script.rename(state).items()}, **exact}
    tensors.update(script.extra(tensors, config))
    save_record(script, args, tensors, config, tolerance)


def save_record(script, args, tensors, config, tolerance):
    kept = {k: (v.float() if v.is_floating_point() else v).contiguous().clone() for k, v in tensors.items()}
    save_file(kept, args.out, metadata=dict(
        config=json.dumps(config), official=f"{script.repository} {commit_of(args.official)}", made_by=os.path.basename(sys.argv[0]),
        torch=torch.__version__, tolerance=json.dumps(tolerance)))
    print(f"  {len(kept)} tensors, {os.path.getsize(args.out) / 1e6:.2f} MB")


def jittered(value, noise):
    return value * (1 + noise * torch.randn_like(value)) if noise and value.is_floating_point() else value
