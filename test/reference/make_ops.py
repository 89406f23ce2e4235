"""Numbers for test/engine/ops.test.ts: every operation of src/engine/ops.ts, forward and backward, by PyTorch 2.15 on the CPU.

    pip install torch==2.15.0 numpy safetensors && python make_ops.py

writes ops.json (the cases) and ops.safetensors (inputs, outputs, gradients). A case is called through torch.ops.aten, the
dispatcher that the addon calls too, by the overload's name. Its gradients are those of sum(output * weight) with
weight[i] = ((37 i + 11 (k + 1)) mod 19 - 9) / 8 for output k, row-major (exact in bfloat16). An operation that changes its
arguments is given clones of the leaves, and its outputs are those clones.
"""
import json
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
random = np.random.RandomState(20)
cases, arrays = [], {}


class T:
    """A tensor argument. transpose: handed over with its last two dimensions swapped, so not contiguous."""

    def __init__(self, value, grad, transpose=False):
        self.value, self.grad, self.transpose = value, grad and value.is_floating_point(), transpose


class Named(str):
    """A dtype or a device: a string in JSON, an object in Python."""

    def python(self):
        return torch.device(self) if self == "cpu" else getattr(torch, self)


class Format(int):
    """A memory format by its code."""

    def python(self):
        return {0: torch.contiguous_format, 1: torch.preserve_format, 2: torch.channels_last}[int(self)]


def x(*shape, low=None, high=None, dtype="float32", grad=True, transpose=False):
    """Normal numbers, or uniform ones in [low, high)."""
    numbers = random.standard_normal(shape) if low is None else random.uniform(low, high, shape)
    return T(torch.tensor(numbers).to(getattr(torch, dtype)), grad, transpose)


def spaced(*shape, step=0.25, dtype="float32"):
    """Shuffled numbers that are all different: no ties for a maximum or an order."""
    count = int(np.prod(shape))
    numbers = (random.permutation(count) - count / 2 + 0.3) * step
    return T(torch.tensor(numbers.reshape(shape)).to(getattr(torch, dtype)), True)


def i(*shape, low=0, high=5, dtype="int64"):
    return T(torch.tensor(random.randint(low, high, shape), dtype=getattr(torch, dtype)), False)


def b(*shape):
    return T(torch.tensor(random.randint(0, 2, shape)).bool(), False)


def v(values, dtype="float32", grad=True):
    return T(torch.tensor(values, dtype=getattr(torch, dtype)), grad)


def keep(tensor):
    name = str(len(arrays))
    arrays[name] = tensor.detach().clone().contiguous()
    return name


def weight(k, like):
    index = torch.arange(like.numel(), dtype=torch.int64)
    return (((37 * index + 11 * (k + 1)) % 19 - 9).double() / 8).reshape(like.shape).to(like.dtype)


def flat(value):
    return [value] if isinstance(value, torch.Tensor) else [t for item in value for t in flat(item)] if value is not None else []


def case(op, *args, only=None, shape_only=False, **options):
    """only: the outputs that are compared and differentiated (others are unique up to a sign)."""
    base, _, overload = op.partition(".")
    call = getattr(getattr(torch.ops.aten, base), overload or "default")
    writes = [a.alias_info is not None and a.alias_info.is_write for a in call._schema.arguments]
    leaves, keys = [], {}

    def python(value, changed):
        if isinstance(value, (Named, Format)):
            return value.python()
        if isinstance(value, list):
            return [python(item, changed) for item in value]
        if not isinstance(value, T):
            return value
        leaf = value.value.clone().requires_grad_(value.grad)
        keys[id(value)] = keep(leaf)
        if value.grad:
            leaves.append((keys[id(value)], leaf))
        given = leaf.transpose(-1, -2) if value.transpose else leaf
        return given.clone() if changed else given

    def plain(value):
        if isinstance(value, list):
            return [plain(item) for item in value]
        if isinstance(value, T):
            entry = {"tensor": keys[id(value)]}
            return entry | {"transpose": True} if value.transpose else entry
        if isinstance(value, float) and not np.isfinite(value):
            return {"number": str(value)}
        return value

    given = [python(value, writes[k]) for k, value in enumerate(args)]
    for k, argument in enumerate(call._schema.arguments[: len(given)]):
        if argument.N is not None and isinstance(given[k], int):
            given[k] = [given[k]] * argument.N  # `int[2]`: one number stands for both; torch.ops is stricter than torch
    named = {key: python(value, False) for key, value in options.items()}
    result = call(*given, **named)
    changes = [k for k in range(len(args)) if writes[k]]
    outputs = flat([given[k] for k in changes] if changes else result)
    chosen = list(range(len(outputs))) if only is None else only
    entry = {"op": op, "args": [plain(value) for value in args]}
    if options:
        entry["options"] = {key: plain(value) for key, value in options.items()}
    if changes:
        entry["changes"] = changes
    if only is not None:
        entry["only"] = only
    if shape_only:
        entry["shape"] = list(outputs[0].shape)
        cases.append(entry)
        return
    entry["outputs"] = [keep(outputs[k]) if k in chosen else None for k in range(len(outputs))]
    entry["differentiable"] = [k for k in chosen if outputs[k].requires_grad]
    if entry["differentiable"]:
        total = [(outputs[k], weight(k, outputs[k])) for k in entry["differentiable"]]
        gradients = torch.autograd.grad(
            [o for o, _ in total], [leaf for _, leaf in leaves], [w for _, w in total], allow_unused=True
        )
        entry["gradients"] = {name: None if g is None else keep(g) for (name, _), g in zip(leaves, gradients)}
    cases.append(entry)


def elementwise(op, low=None, high=None, odd=(0.0, -0.0, 1.0, -1.0, float("inf"), float("-inf"), float("nan"))):
    case(op, x(2, 3, 4, low=low, high=high))
    case(op, x(3, 5, low=low, high=high, dtype="bfloat16"))
    case(op, x(4, 3, low=low, high=high, transpose=True))
    case(op, x(low=low, high=high))
    case(op, x(0, 3))
    case(op, v(list(odd)))


def arithmetic():
    inf = float("inf")
    for op in ["add.Tensor", "sub.Tensor", "mul.Tensor", "div.Tensor"]:
        case(op, x(2, 3), x(2, 3))
        case(op, x(2, 1, 4), x(3, 1))
        case(op, x(3, 4, dtype="bfloat16"), x(4, dtype="bfloat16"))
        case(op, x(2, 3, dtype="bfloat16"), x(2, 3))
        case(op, x(2, 3), x())
        case(op, x(3, 2, transpose=True), x(2, 3))
        case(op, i(2, 3, low=1), i(3, low=1))
        case(op, x(2, 3), i(2, 3, low=1))
        case(op, v([0.0, 1.0, inf, -inf]), v([0.0, 0.0, inf, 2.0]))
    for op in ["add.Tensor", "sub.Tensor"]:
        case(op, x(2, 3), x(3), alpha=2.5)
        case(op, i(4), i(4), alpha=3)
    for op in ["add.Scalar", "sub.Scalar", "rsub.Scalar"]:
        case(op, x(2, 3), 2)
        case(op, x(2, 3), 0.75, 3)
        case(op, i(4), 2)
        case(op, i(4), 2.5)
        case(op, x(3, dtype="bfloat16"), 0.1)
    for op in ["mul.Scalar", "div.Scalar"]:
        case(op, x(2, 3), 2.5)
        case(op, x(2, 3), -3)
        case(op, i(4), 2)
        case(op, x(3, dtype="bfloat16"), 0.1)
    case("div.Scalar", x(3), 0)
    for op in ["neg", "exp", "sin", "cos", "tanh", "sigmoid", "relu", "silu", "abs", "sign"]:
        elementwise(op)
    for op in ["log", "sqrt", "rsqrt"]:
        elementwise(op, 0.2, 3)
    elementwise("log1p", -0.5, 3)
    elementwise("reciprocal", 0.3, 3)
    for exponent in [2, 0.5, -1.5, 0, 3]:
        case("pow.Tensor_Scalar", x(2, 3, low=0.2, high=2), exponent)
    case("pow.Tensor_Scalar", x(5), 2)
    case("pow.Tensor_Scalar", v([0.0, -1.0, 2.0]), 0.5)
    case("pow.Tensor_Scalar", x(4, dtype="bfloat16"), 2)
    elementwise("gelu")
    case("gelu", x(2, 5), approximate="tanh")
    case("gelu", x(5, dtype="bfloat16"), approximate="tanh")
    case("clamp", x(3, 4), -0.5, 0.5)
    case("clamp", x(3, 4), None, 0.25)
    case("clamp", x(3, 4), 0.25)
    case("clamp", i(6, low=-5), -2, 2)
    case("clamp", v([-inf, inf, float("nan")]), -1, 1)
    case("clamp", x(5, dtype="bfloat16"), 0)
    for op in ["maximum", "minimum"]:
        case(op, x(2, 3), x(2, 3))
        case(op, x(2, 3), x(3))
        case(op, v([1.0, 2.0, float("nan")]), v([1.0, 3.0, 0.0]))
        case(op, i(4), i(4))
        case(op, x(4, dtype="bfloat16"), x(4, dtype="bfloat16"))


def softmax():
    for op in ["softmax.int", "log_softmax.int"]:
        case(op, x(3, 5), -1)
        case(op, x(2, 3, 4), 1)
        case(op, x(2, 3, dtype="bfloat16"), 0)
        case(op, x(3, 4, dtype="bfloat16"), -1, Named("float32"))
        case(op, v([[1000.0, 1001.0], [-1e30, 0.0]]), 1)
        case(op, v([[float("-inf"), 0.0, 1.0]]), 1)
    case("logsumexp", x(3, 4), [1])
    case("logsumexp", x(2, 3, 4), [0, 2], True)
    case("logsumexp", v([[1000.0, 1001.0], [float("-inf"), 0.0]]), [1])
    case("logsumexp", x(3, 4, dtype="bfloat16"), [-1])


def products():
    bf = "bfloat16"
    for shapes in [((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 1, 2, 3), (3, 3, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 3))]:
        case("matmul", x(*shapes[0]), x(*shapes[1]))
    case("matmul", x(4, 6, dtype=bf), x(6, 3, dtype=bf))
    case("matmul", x(3, 2, transpose=True), x(4, 3, transpose=True))
    case("bmm", x(2, 3, 4), x(2, 4, 2))
    case("bmm", x(2, 3, 4, dtype=bf), x(2, 4, 2, dtype=bf))
    case("baddbmm", x(2, 3, 2), x(2, 3, 4), x(2, 4, 2))
    case("baddbmm", x(2), x(2, 3, 4), x(2, 4, 2), beta=0.5, alpha=2)
    case("baddbmm", x(1, 3, 2, dtype=bf), x(2, 3, 4, dtype=bf), x(2, 4, 2, dtype=bf))
    case("linear", x(2, 3, 4), x(5, 4), x(5))
    case("linear", x(3, 4), x(5, 4))
    case("linear", x(4), x(5, 4), None)
    case("linear", x(3, 4, dtype=bf), x(5, 4, dtype=bf), x(5, dtype=bf))
    case("linear", x(0, 4), x(5, 4), x(5))
    case("addmm", x(2), x(3, 4), x(4, 2))
    case("addmm", x(3, 2), x(3, 4), x(4, 2), beta=0.5, alpha=-2)
    case("addmm", x(2, dtype=bf), x(3, 4, dtype=bf), x(4, 2, dtype=bf))
    case("einsum", "bnd,bmd->bnm", [x(2, 3, 4), x(2, 2, 4)])
    case("einsum", "ii", [x(3, 3)])
    case("einsum", "nhwpqc->nchpwq", [x(1, 2, 2, 2, 1, 2)])
    case("einsum", "ij,jk,kl->il", [x(2, 3), x(3, 2), x(2, 4)], path=[0, 1, 0, 1])
    case("cdist", x(3, 4), x(2, 4))
    case("cdist", x(2, 3, 4), x(2, 2, 4), 1)
    case("cdist", x(3, 4), x(2, 4), 2, 2)


def norms():
    bf = "bfloat16"
    case("layer_norm", x(2, 3, 4), [4], x(4), x(4), 1e-6)
    case("layer_norm", x(2, 3, 4), [3, 4], x(3, 4), x(3, 4))
    case("layer_norm", x(3, 5), [5])
    case("layer_norm", x(3, 5), [5], x(5), None, 0.1)
    case("layer_norm", x(3, 8, dtype=bf), [8], x(8, dtype=bf), x(8, dtype=bf))
    case("layer_norm", v([[2.0, 2.0, 2.0]]), [3])
    case("native_layer_norm", x(2, 3, 4), [4], x(4), x(4), 1e-5)
    case("native_layer_norm", x(3, 4), [4], None, None, 1e-6)
    for training in [True, False]:
        case("batch_norm", x(3, 2, 2, 2), x(2), x(2), x(2, grad=False), x(2, low=0.5, high=2, grad=False), training, 0.1, 1e-5, False)
        case("batch_norm", x(4, 3), x(3), x(3), x(3, grad=False), x(3, low=0.5, high=2, grad=False), training, 0.01, 1e-3, False)
    case("batch_norm", x(4, 3), None, None, None, None, True, 0.1, 1e-5, False)
    for order in [2, 1, 0, float("inf"), 3]:
        case("linalg_vector_norm", x(3, 4), order)
    case("linalg_vector_norm", x(3, 4), 2, [1])
    case("linalg_vector_norm", x(2, 3, 4), 2, [0, -1], True)
    case("linalg_vector_norm", v([[0.0, 0.0], [3.0, 4.0]]), 2, [1])
    case("linalg_vector_norm", x(3, 4, dtype=bf), 2, [1], dtype=Named("float32"))
    case("_foreach_norm.Scalar", [x(2, 3), x(4), v([[0.0]])])
    case("_foreach_norm.Scalar", [x(2, 3), x(4)], float("inf"))


def images():
    bf = "bfloat16"
    case("conv2d", x(2, 3, 6, 6), x(4, 3, 3, 3), x(4))
    case("conv2d", x(1, 3, 8, 8), x(5, 3, 4, 4), x(5), [4, 4])
    case("conv2d", x(1, 2, 5, 6), x(4, 1, 3, 2), None, [2, 1], [1, 0], [1, 2], 2)
    case("conv2d", x(1, 2, 5, 5), x(2, 1, 3, 3), x(2), 1, 1, 1, 2)
    case("conv2d", x(2, 5, 5), x(3, 2, 2, 2), x(3), 2, 1)
    case("conv2d", x(1, 2, 4, 4, dtype=bf), x(3, 2, 2, 2, dtype=bf), x(3, dtype=bf), 2)
    for shape in [(2, 2, 5, 3), (1, 1, 4, 4)]:
        case("scaled_dot_product_attention", x(*shape), x(*shape), x(*shape))
    case("scaled_dot_product_attention", x(1, 2, 3, 4), x(1, 2, 5, 4), x(1, 2, 5, 4), b(3, 5), scale=0.3)
    case("scaled_dot_product_attention", x(1, 2, 3, 4), x(1, 2, 3, 4), x(1, 2, 3, 4), None, 0, True)
    case("scaled_dot_product_attention", x(1, 2, 4, 8, dtype=bf), x(1, 2, 4, 8, dtype=bf), x(1, 2, 4, 8, dtype=bf))
    case("reflection_pad2d", x(1, 2, 3, 4), [1, 2, 2, 1])
    case("reflection_pad2d", x(2, 4, 3), [0, 1, 3, 0])
    case("pad", x(2, 3), [1, 2])
    case("pad", x(2, 3), [0, 1, 2, -1], "constant", 1.5)
    case("pad", x(1, 2, 3, 3), [1, 1, 2, 0], "reflect")
    case("pad", x(1, 2, 3, 3), [1, 1, 2, 0], "replicate")
    for op in ["upsample_bicubic2d.vec", "upsample_bilinear2d.vec"]:
        case(op, x(1, 2, 3, 4), [5, 7], False, None)
        case(op, x(1, 2, 4, 4), [2, 3], False, None)
        case(op, x(1, 1, 3, 3), [5, 5], True, None)
        case(op, x(1, 1, 3, 3), None, False, [2, 1.5])
    case("avg_pool2d", x(1, 2, 4, 5), [2, 2])
    case("avg_pool2d", x(1, 2, 5, 5), [3, 2], [2, 1], [1, 1], True, False)
    case("avg_pool2d", x(1, 2, 4, 4), 2, 1, 0, False, True, 3)
    case("adaptive_avg_pool2d", x(1, 2, 5, 4), [1, 1])
    case("adaptive_avg_pool2d", x(2, 5, 7), [2, 3])
    case("max_pool2d", spaced(1, 2, 4, 4), [2, 2])
    case("max_pool2d", spaced(1, 2, 5, 5), 3, 2, 1, 1, True)


def reductions():
    bf = "bfloat16"
    for op in ["sum", "mean"]:
        case(op, x(2, 3))
        case(op, x(2, 3, dtype=bf))
        case(op, x(2, 3, dtype=bf), dtype=Named("float32"))
        case(op, x(0, 3))
        case(op, v([1.0, float("nan")]))
        other = op + (".dim_IntList" if op == "sum" else ".dim")
        case(other, x(2, 3, 4), [1])
        case(other, x(2, 3, 4), [0, -1], True)
        case(other, x(2, 3), [])
        case(other, x(2, 3), 1)
        case(other, x(2, 3), None)
        case(other, x(2, 3, dtype=bf), [1], False, dtype=Named("float64"))
    case("sum", i(5))
    case("sum", b(5))
    for op in ["var.correction", "std.correction"]:
        case(op, x(3, 4), [1])
        case(op, x(3, 4), [0], correction=0, keepdim=True)
        case(op, x(2, 3, 4), [1, 2], correction=1)
        case(op, x(3, 4))
        case(op, x(3, 8, dtype=bf), [1])
    for op in ["amax", "amin"]:
        case(op, spaced(3, 4), [1])
        case(op, spaced(2, 3, 2), [0, 2], True)
        case(op, spaced(3, 4))
        case(op, v([[1.0, 1.0, 0.0], [float("nan"), 1.0, 2.0]]), [1])
        case(op, i(4), [0])
    case("argmax", spaced(3, 4), 1)
    case("argmax", spaced(3, 4))
    case("argmax", spaced(2, 3), 0, True)
    case("topk", spaced(3, 5), 2)
    case("topk", spaced(3, 5), 2, 0, False)
    case("topk", spaced(6), 6)
    case("argsort.stable", spaced(3, 5), stable=True)
    case("argsort.stable", i(8, high=3), stable=True, dim=0, descending=True)
    case("sort.stable", spaced(3, 5), stable=True)
    case("sort.stable", i(8, high=3), stable=True, dim=0, descending=True)
    case("sort.stable", v([1.0, float("nan"), -1.0, 1.0]), stable=True)
    case("cumsum", x(3, 4), 1)
    case("cumsum", x(2, 3), 0, dtype=Named("float64"))
    case("cumsum", i(5), 0)
    for op in ["all", "any"]:
        case(op, b(4))
        case(op, v([], "bool"))
        case(op, x(3))
        case(op, v([0.0, 0.0]))
    case("isfinite", v([1.0, float("inf"), float("-inf"), float("nan")]))
    case("isfinite", i(3))
    case("isfinite", x(3, dtype=bf))


def indexing():
    bf = "bfloat16"
    case("gather", x(3, 4), 1, i(3, 2, high=4))
    case("gather", x(2, 3, 2), 1, i(2, 4, 2, high=3))
    case("gather", x(3, 4, dtype=bf), 0, i(2, 4, high=3))
    for op in ["scatter_add", "scatter.src"]:
        case(op, x(3, 4), 1, v([[0, 2], [3, 1], [2, 0]], "int64"), x(3, 2))
        case(op, x(3, 2), 0, v([[2, 0], [1, 1]], "int64"), x(2, 2))
    case("scatter_add", x(4), 0, v([1, 1, 3, 1], "int64"), x(4))
    case("index_select", x(3, 4), 1, v([3, 0, 0], "int64"))
    case("index_select", x(3, 4, dtype=bf), 0, v([2], "int64"))
    case("index_select", x(3, 4), 0, v([], "int64"))
    case("embedding", x(5, 3), i(2, 4, high=5))
    case("embedding", x(5, 3), v([1, 0, 1, 4], "int64"), 1, True)
    case("where.self", b(2, 3), x(2, 3), x(2, 3))
    case("where.self", b(3, 1), x(3, 4), x(4))
    case("where.self", b(3), x(3, dtype=bf), x(3))
    case("where.self", v([True, False], "bool"), v([1.0, 2.0]), v([float("nan"), float("nan")]))
    case("masked_fill.Scalar", x(2, 3), b(2, 3), -1.5)
    case("masked_fill.Scalar", x(2, 3), b(3), float("-inf"))
    case("masked_fill.Scalar", i(4), b(4), 7)
    case("one_hot", i(2, 3), 5)
    case("one_hot", v([2, 0, 1], "int64"))
    case("cat", [x(2, 3), x(1, 3)])
    case("cat", [x(2, 3), x(2, 1), x(2, 0)], -1)
    case("cat", [x(2, dtype=bf), x(3)])
    case("cat", [i(2), i(3)])
    case("stack", [x(2, 3), x(2, 3)])
    case("stack", [x(2, 3), x(2, 3), x(2, 3)], -1)


def shapes():
    for op in ["reshape", "view"]:
        case(op, x(2, 6), [3, 4])
        case(op, x(2, 3, 2), [-1])
        case(op, x(1), [])
        case(op, x(0, 3), [3, 0])
    case("reshape", x(3, 2, transpose=True), [6])
    case("permute", x(2, 3, 4), [2, 0, 1])
    case("permute", x(2, 3), [-1, 0])
    case("transpose.int", x(2, 3, 4), 0, -1)
    case("unsqueeze", x(2, 3), -1)
    case("unsqueeze", x(), 0)
    case("squeeze.dim", x(2, 1, 3), 1)
    case("squeeze.dim", x(2, 3), 0)
    case("expand", x(2, 1), [2, 3])
    case("expand", x(3), [2, -1])
    case("expand", x(1, 3), [4, 2, 3])
    case("repeat", x(2, 3), [2, 1])
    case("repeat", x(3), [2, 2])
    case("slice.Tensor", x(5, 4), 0, 1, 4, 2)
    case("slice.Tensor", x(5, 4), 1, -2)
    case("slice.Tensor", x(5), 0, 7, 9)
    case("slice.Tensor", x(5))
    case("select.int", x(3, 4), 0, 1)
    case("select.int", x(3, 4), -1, -1)
    case("split.Tensor", x(5, 2), 2)
    case("split.Tensor", x(2, 6), 3, 1)
    case("split_with_sizes", x(2, 6), [1, 2, 3], 1)
    case("chunk", x(2, 6), 3, -1)
    case("chunk", x(5), 3)
    case("flatten.using_ints", x(2, 3, 2))
    case("flatten.using_ints", x(2, 3, 2), 1)
    case("flatten.using_ints", x())
    case("unbind.int", x(3, 2))
    case("unbind.int", x(2, 3), 1)
    case("flip", x(2, 3), [1])
    case("flip", x(2, 3), [0, -1])
    case("roll", x(3, 4), 1)
    case("roll", x(3, 4), [1, -1], [0, 1])
    case("contiguous", x(3, 2, transpose=True))
    case("contiguous", x(1, 2, 2, 2), memory_format=Format(2))
    case("clone", x(2, 3))
    case("clone", x(3, 2, transpose=True), memory_format=Format(0))
    case("detach", x(2, 3))
    case("to.dtype", x(2, 3), Named("bfloat16"))
    case("to.dtype", x(2, 3, dtype="bfloat16"), Named("float32"))
    case("to.dtype", v([1.7, -1.7, 0.0]), Named("int64"))
    case("to.dtype", v([1.7, 0.0]), Named("bool"))
    case("to.dtype", i(4, high=256), Named("uint8"))
    case("to.dtype", x(3), Named("float64"), False, True)
    case("to.dtype", x(3), Named("float16"))
    case("to.device", x(2, 3), Named("cpu"), Named("float64"))
    case("to.device", i(2, 3), Named("cpu"), Named("float32"), False, True)


def in_place():
    bf = "bfloat16"
    case("copy_", x(2, 3), x(3))
    case("copy_", x(2, 3), x(2, 3, dtype=bf))
    case("copy_", i(3), x(3, low=-5, high=5))
    case("zero_", x(2, 3))
    case("fill_.Scalar", x(2, 3), 1.5)
    case("fill_.Scalar", i(3), 4)
    for op in ["add_.Tensor", "sub_.Tensor"]:
        case(op, x(2, 3), x(3))
        case(op, x(2, 3), x(2, 3), alpha=-0.5)
        case(op, x(2, 3, dtype=bf), x(2, 3))
    case("add_.Scalar", x(2, 3), 2)
    case("add_.Scalar", x(2, 3), 0.5, 3)
    case("mul_.Scalar", x(2, 3), 0.5)
    case("mul_.Tensor", x(2, 3), x(3))
    case("mul_.Tensor", x(2, 3, dtype=bf), x(2, 3, dtype=bf))
    case("div_.Scalar", x(2, 3), 3)
    case("addcmul_", x(2, 3), x(2, 3), x(3))
    case("addcmul_", x(2, 3), x(2, 3), x(2, 3), value=-0.5)
    case("addcdiv_", x(2, 3), x(2, 3), x(3, low=0.5, high=2))
    case("addcdiv_", x(2, 3), x(2, 3), x(2, 3, low=0.5, high=2), value=-0.5)
    case("lerp_.Scalar", x(2, 3), x(2, 3), 0.25)
    case("lerp_.Scalar", x(2, 3), x(2, 3), 0.996)
    case("_foreach_mul_.Scalar", [x(2, 3), x(4)], 0.5)
    case("_foreach_mul_.Tensor", [x(2, 3), x(4)], x())
    case("_foreach_add_.List", [x(2, 3), x(4)], [x(2, 3), x(4)])
    case("_foreach_add_.List", [x(2, 3), x(4)], [x(2, 3), x(4)], alpha=-0.5)
    case("_foreach_add_.Scalar", [x(2, 3), x(4)], 1.5)
    case("_foreach_lerp_.Scalar", [x(2, 3), x(4)], [x(2, 3), x(4)], 0.01)
    # no derivative in PyTorch: "derivative for _foreach_copy_ is not implemented"
    case("_foreach_copy_", [x(2, 3, grad=False), x(4, grad=False)], [x(2, 3, grad=False), x(4, dtype=bf, grad=False)])


def creation():
    for op, first in [("zeros", [[2, 3]]), ("ones", [[2, 3]]), ("full", [[2, 3], 1.5]), ("arange.start_step", [0, 5]), ("eye", [3]), ("linspace", [0, 1, 5])]:
        for dtype in ["float32", "bfloat16", "float64"]:
            case(op, *first, dtype=Named(dtype), device=Named("cpu"))
        case(op, *first)
    case("zeros", [], dtype=Named("int64"))
    case("ones", [0, 2], dtype=Named("bool"))
    case("full", [2], 7, dtype=Named("int64"))
    case("full", [2], float("-inf"), dtype=Named("float32"))
    case("arange.start_step", 1, 2, 0.25)
    case("arange.start_step", 5, 0, -2, dtype=Named("int64"))
    case("linspace", -1, 1, 1)
    case("empty.memory_format", [2, 0, 3], dtype=Named("float32"), shape_only=True)
    case("empty.memory_format", [2, 3, 2, 2], memory_format=Format(2), shape_only=True)


def comparison():
    nan = float("nan")
    for op in ["eq.Scalar", "ne.Scalar", "lt.Scalar", "le.Scalar", "gt.Scalar", "ge.Scalar"]:
        case(op, i(6, high=4), 2)
        case(op, v([1.0, 2.5, nan, float("inf")]), 2.5)
    for op in ["eq.Tensor", "lt.Tensor", "gt.Tensor"]:
        case(op, i(2, 3, high=3), i(3, high=3))
        case(op, v([1.0, nan, 0.0]), v([1.0, nan, -0.0]))
        case(op, x(4, dtype="bfloat16"), x(4))
    for op in ["logical_and", "logical_or"]:
        case(op, b(6), b(6))
        case(op, v([0.0, 1.5, nan]), v([1.0, 1.0, 0.0]))
    case("logical_not", b(4))
    case("logical_not", i(4, high=2))


def losses():
    bf = "bfloat16"
    case("cross_entropy_loss", x(4, 5), i(4))
    case("cross_entropy_loss", x(4, 5), i(4), None, 0)
    case("cross_entropy_loss", x(4, 5), v([0, -100, 3, 4], "int64"), x(5, low=0.5, high=2, grad=False), 1, -100, 0.1)
    case("cross_entropy_loss", x(4, 5), x(4, 5, low=0, high=1), None, 2)
    case("cross_entropy_loss", x(2, 3, 2), i(2, 2, high=3), None, 1, -100, 0.2)
    case("cross_entropy_loss", x(4, 5, dtype=bf), i(4))
    for reduction in [0, 1, 2]:
        case("mse_loss", x(3, 4), x(3, 4), reduction)
        case("smooth_l1_loss", x(3, 4), x(3, 4), reduction, 0.5)
        case("binary_cross_entropy_with_logits", x(3, 4), x(3, 4, low=0, high=1, grad=False), None, None, reduction)
    case("mse_loss", x(3, dtype=bf), x(3, dtype=bf))
    case("smooth_l1_loss", x(3, 4), x(3, 4))
    case("binary_cross_entropy_with_logits", x(3, 4), b_float(3, 4), x(3, 4, low=0.1, high=2, grad=False), x(4, low=0.5, high=2, grad=False))
    case("binary_cross_entropy_with_logits", v([100.0, -100.0]), v([0.0, 1.0], grad=False))


def b_float(*shape):
    return T(b(*shape).value.float(), False)


def linear_algebra():
    case("linalg_svd", x(4, 3), False, only=[1])
    case("linalg_svd", x(2, 2, 3), only=[1])
    case("linalg_eigh", symmetric(3), only=[0])
    case("linalg_eigh", symmetric(2, 3), "U", only=[0])


def symmetric(*shape):
    value = x(*shape, shape[-1]).value
    return T(value + value.transpose(-1, -2), True)


def angles():
    case("atan2", x(2, 3), x(3))
    case("atan2", v([0.0, 0.0, 1.0, -1.0], grad=False), v([1.0, -1.0, 0.0, -0.0], grad=False))
    case("atan2", x(4, dtype="bfloat16"), x(4, dtype="bfloat16"))
    elementwise("floor")


def optimisers():
    plain = lambda *shape, **k: x(*shape, grad=False, **k)
    square = lambda *shape: plain(*shape, low=0.01, high=1)
    step = lambda n: v(float(n), grad=False)
    common = dict(lr=0.01, beta1=0.9, beta2=0.95, weight_decay=0.05, eps=1e-8, maximize=False)
    case("_fused_adamw_", [plain(2, 3), plain(4)], [plain(2, 3), plain(4)], [plain(2, 3), plain(4)], [square(2, 3), square(4)], [], [step(3), step(3)], amsgrad=False, **common)
    case("_fused_adamw_", [plain(5)], [plain(5)], [plain(5)], [square(5)], [square(5)], [step(1)], amsgrad=True, **common)
    common = dict(weight_decay=0.1, momentum=0.9, lr=0.05, dampening=0, nesterov=False, maximize=False)
    case("_fused_sgd_", [plain(2, 3), plain(4)], [plain(2, 3), plain(4)], [plain(2, 3), plain(4)], is_first_step=False, **common)
    case("_fused_sgd_", [plain(4)], [plain(4)], [plain(4)], is_first_step=True, **(common | {"nesterov": True}))


for part in [arithmetic, softmax, products, norms, images, reductions, indexing, shapes, in_place, creation, comparison, losses, linear_algebra, optimisers, angles]:
    part()

folder = pathlib.Path(__file__).parent
save_file(arrays, folder / "ops.safetensors", {"torch": torch.__version__.split("+")[0]})
lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in cases)
(folder / "ops.json").write_text(f'{{"torch":"{torch.__version__.split("+")[0]}","cases":[\n{lines}\n]}}\n')
print(len(cases), "cases", len(arrays), "tensors", len({entry["op"] for entry in cases}), "operations")
