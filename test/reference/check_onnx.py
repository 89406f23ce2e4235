"""Checks ONNX files with ONNX's own checker, and their numbers with onnxruntime at several batch sizes.

    python test/reference/check_onnx.py encoder.onnx autoencoder.onnx ...

Packages: numpy, onnx, onnxruntime. Nothing of this is run in CI, whose tests use onnxruntime's package for Node.
"""
import sys
from collections import Counter

import numpy
import onnx
import onnxruntime

def example(value, sizes):
    """An input of the declared shape; ids are a permutation, as the autoencoder wants them."""
    dims = [d.dim_value or sizes[d.dim_param] for d in value.type.tensor_type.shape.dim]
    rng = numpy.random.default_rng(0)
    if value.type.tensor_type.elem_type != onnx.TensorProto.INT64:
        return rng.standard_normal(dims).astype(numpy.float32)
    return numpy.stack([rng.permutation(sizes["patches"])[: dims[1]] for _ in range(dims[0])])

def check(path):
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path, load_external_data=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    widest = [v.type.tensor_type.shape.dim[1].dim_value for v in model.graph.input if v.name == "ids_restore"]
    for batch in (1, 5, 7):
        sizes = {"batch": batch, "kept": 1 + batch, "patches": widest[0] if widest else 0}
        feeds = {v.name: example(v, sizes) for v in model.graph.input}
        outputs = session.run(None, feeds)
        assert all(numpy.isfinite(o).all() and o.shape[0] == batch for o in outputs), path
    kinds = Counter(node.op_type for node in model.graph.node)
    domains = {node.domain for node in model.graph.node}
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    print(f"{path}: valid, opset {opsets}, operators of {domains or {''}}, {sum(kinds.values())} nodes")
    print("  " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()))

for name in sys.argv[1:]:
    check(name)
