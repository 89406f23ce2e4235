"""Files of torch.save, good and hostile, and what is in them: test/reference/torch.

usage: python make_torch.py [WRITTEN]      WRITTEN, the file that test/formats/torch/write.test.ts writes, is loaded with
weights_only=True and compared; its SHA-256 goes into expected.json, and the test compares that.
"""

import argparse
import hashlib
import json
import os
import pathlib
import sys
import zipfile

import torch

folder = pathlib.Path(__file__).parent / "torch"
folder.mkdir(exist_ok=True)

base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
tensors = {
    "matrix": base,
    "transposed": base.t(),
    "columns": base[:, 1:4],
    "every_second": base[::2, ::3],
    "row": base[2],
    "expanded": torch.tensor([1.5, -2.0]).expand(3, 2),
    "permuted": torch.arange(24, dtype=torch.int16).reshape(2, 3, 4).permute(2, 0, 1),
    "scalar": torch.tensor(7, dtype=torch.int64),
    "empty": torch.zeros(0, 3),
    "parameter": torch.nn.Parameter(torch.tensor([0.25, 0.5])),
}
for dtype in ("float64", "float16", "bfloat16", "complex64", "int64", "int32", "int16", "int8", "uint8", "bool",
              "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2"):
    tensors[dtype] = torch.tensor([0.0, 1.0, 2.0]).to(getattr(torch, dtype))

numbers = {"none": None, "yes": True, "no": False, "small": 7, "word": 40000, "negative": -3, "wide": 2**40,
           "below": -(2**40), "huge": 2**100, "real": 0.1, "text": "naïve 🙂", "list": [1, [2, "three"]],
           "pair": (1, 2), "quadruple": (1, 2, 3, 4), "nothing": (), "dict": {1: "a", None: "b"},
           "size": torch.Size([3, 4])}
model = torch.nn.Linear(2, 3)
with torch.no_grad():
    model.weight.copy_(torch.arange(6.0).reshape(3, 2))
    model.bias.copy_(torch.tensor([0.5, 1.5, 2.5]))
content = {"tensors": tensors, "numbers": numbers, "model": model.state_dict(),
           "args": argparse.Namespace(model="mae_vit_base_patch16", lr=1.5e-4, dist_on_itp=False, gpu=None)}
torch.save(content, folder / "all.pth")
torch.save(content, folder / "protocol-4.pth", pickle_protocol=4)
torch.save(model.state_dict(), folder / "legacy.pth", _use_new_zipfile_serialization=False)

torch.serialization.set_crc32_options(False)
torch.save(content, folder / "no-checksum.pth")
torch.serialization.set_crc32_options(True)


class Command:
    def __reduce__(self):
        return os.system, ("touch /tmp/lacuna-was-here",)


torch.save({"model": model.state_dict(), "extra": Command()}, folder / "command.pth")
torch.save(model, folder / "module.pth")
torch.jit.save(torch.jit.trace(torch.nn.Identity(), torch.zeros(1)), folder / "script.pth")


def described(tensor):
    data = tensor.detach().contiguous().reshape(-1).view(torch.uint8).tolist() if tensor.numel() else []
    return {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape), "bytes": data}


def accepted(path):
    model = torch.load(path, weights_only=True)["model"]
    torch.load(path, weights_only=True, mmap=True)
    assert zipfile.ZipFile(path).testzip() is None and len(model) == 11
    for i, (name, tensor) in enumerate(model.items()):
        assert tensor.shape == (2, i) and tensor.is_contiguous(), name
        flat = tensor.reshape(-1).view(torch.uint8).tolist() if i else []
        assert flat == [at % 2 for at in range(len(flat))], name
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


expected = {"tensors": {name: described(tensor) for name, tensor in tensors.items()},
            "model": {name: described(tensor) for name, tensor in model.state_dict().items()},
            "torch": torch.__version__, "accepted": accepted(sys.argv[1]) if len(sys.argv) > 1 else None}
(folder / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
