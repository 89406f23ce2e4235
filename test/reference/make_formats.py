"""Small files written by NumPy, safetensors and (IDX) checked by torchvision's reader, for test/formats.

usage: python make_formats.py OUT_FOLDER        needs numpy, safetensors, torch, torchvision
"""
import json, struct, sys
from pathlib import Path
import numpy as np, torch
from numpy.lib import format as npy
from safetensors.torch import save_file, load_file
from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

out = Path(sys.argv[1]); out.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(0)
expected = {}

def plain(array):
    """Values as JSON: complex as pairs, 64-bit integers as strings."""
    if array.dtype.kind == "c":
        return np.stack([array.real, array.imag], -1).ravel().tolist()
    values = np.ascontiguousarray(array).ravel().tolist()
    return [str(v) for v in values] if array.dtype.kind in "iu" and array.dtype.itemsize == 8 else values

def save(name, array, version=None):
    with open(out / name, "wb") as file:
        npy.write_array(file, array, version=version)
    expected[name] = {"shape": list(array.shape), "values": plain(array)}

base = np.arange(24).reshape(2, 3, 4)
for kind in "?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8":
    array = (base % 3 == 0) if kind == "?" else (base * 5 - (0 if kind[0] == "u" else 60)).astype(kind)
    if kind[0] in "fc": array = array * array.dtype.type(0.375)
    if kind == "c8": array = array + 1j * base.astype("f4")
    array = array.astype(np.dtype(kind))
    name = "bool" if kind == "?" else array.dtype.name
    save(f"{name}.npy", array)
save("big-endian-f4.npy", (base * 0.5).astype(">f4"))
save("big-endian-i2.npy", (base * 300 - 4000).astype(">i2"))
save("big-endian-c8.npy", (base + 2j * base).astype(">c8"))
save("fortran-f4.npy", np.asfortranarray(base * 0.25, dtype="f4"))
save("fortran-big-endian-f8.npy", np.asfortranarray(base / 7, dtype=">f8"))
save("fortran-bool.npy", np.asfortranarray(base % 5 < 2))
save("version-2.npy", base.astype("i4"), (2, 0))
save("version-3.npy", base.astype("f4"), (3, 0))
save("scalar.npy", np.array(2.5, "f4"))
save("vector.npy", np.arange(5, dtype="f8"))
save("empty.npy", np.zeros((3, 0, 2), "f4"))
with open(out / "structured.npy", "wb") as file: npy.write_array(file, np.zeros(2, [("a", "f4"), ("b", "i2")]))
with open(out / "text.npy", "wb") as file: npy.write_array(file, np.array(["ab", "c"]))

for code, kind in (8, "u1"), (9, "i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8"):
    array = (np.arange(12).reshape(3, 2, 2) * 7 - (0 if kind == "u1" else 40)).astype(kind)
    if kind[1] == "f": array = (array * 0.3).astype(kind)
    name = f"type-{code:02d}.idx"
    (out / name).write_bytes(bytes([0, 0, code, 3]) + struct.pack(">3I", *array.shape) + array.tobytes())
    read = read_sn3_pascalvincent_tensor(str(out / name))
    assert read.shape == array.shape and read.flatten().tolist() == array.ravel().tolist(), name
    expected[name] = {"shape": list(read.shape), "values": read.flatten().tolist()}

kinds = {
    "bool": torch.bool, "u8": torch.uint8, "i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64,
    "f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "f64": torch.float64, "u16": torch.uint16,
    "u32": torch.uint32, "u64": torch.uint64, "e4m3": torch.float8_e4m3fn, "e5m2": torch.float8_e5m2, "c64": torch.complex64,
}
ramp = torch.arange(6).reshape(2, 3)
tensors = {f"{n}.weight": (ramp % 2 if n == "bool" else ramp).to(t) for n, t in kinds.items()}
tensors |= {"scalar": torch.tensor(1.5), "empty": torch.zeros(0, 4), "näme \"quoted\"\\\n🙂": torch.ones(3), "\uffee": torch.ones(1), "🙂": torch.ones(1)}
save_file(tensors, out / "all.safetensors", metadata={"naïve": 'quote " slash \\ 🙂 tab\t'})
expected["all.safetensors"] = {n: {"shape": list(t.shape), "bytes": t.contiguous().reshape(-1).view(torch.uint8).tolist()} for n, t in load_file(out / "all.safetensors").items()}
save_file({"weight": torch.arange(3.0)}, out / "plain.safetensors")

edges = [0, 0x80000000, 1, 0x007FFFFF, 0x00800000, 0x33000000, 0x33000001, 0x32FFFFFF, 0x33800000, 0x33C00000, 0x33BFFFFF, 0x387FC000, 0x387FE000,
         0x387FEFFF, 0x38800000, 0x3F800000, 0x3F801000, 0x3F803000, 0x3F808000, 0x3F818000, 0x477FE000, 0x477FEFFF, 0x477FF000, 0x47800000,
         0x7F7FFFFF, 0x7F7F8000, 0x7F7F7FFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFC12345]
near = (random.integers(0x32000000, 0x48000000, 1200, dtype=np.uint32) | random.choice(np.array([0, 0x80000000], np.uint32), 1200))
ties = (near & np.uint32(0xFFFFE000)) | np.uint32(0x1000)
bits = np.concatenate([np.array(edges, np.uint32), random.integers(0, 2**32, 800, dtype=np.uint32), near, ties, (near & np.uint32(0xFFFF0000)) | np.uint32(0x8000)])
with np.errstate(over="ignore", invalid="ignore"):
    half = bits.view(np.float32).astype(np.float16).view(np.uint16)
brain = torch.from_numpy(bits.view(np.float32).copy()).bfloat16().view(torch.uint16)
save_file({"float32": torch.from_numpy(bits), "float16": torch.from_numpy(half), "bfloat16": brain}, out / "half.safetensors")
(out / "expected.json").write_text(json.dumps({"numpy": np.__version__, "torch": torch.__version__, "files": expected}, ensure_ascii=False, separators=(",", ":")) + "\n")
for file in out.iterdir(): file.chmod(0o644)
