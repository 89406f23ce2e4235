import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { encodeSafetensors, SafetensorsFile } from "../../src/formats/safetensors.js";
import { loadState, rawOf, stateBytes, tensorOf } from "../../src/models/weights.js";
import { Linear } from "../../src/nn/linear.js";
import { Rng } from "../../src/tensor/random.js";
import { tensor } from "../../src/tensor/tensor.js";

function linear(seed: number): Linear {
  const layer = new Linear(3, 2);
  layer.initialize(new Rng(seed, "init"));
  return layer;
}
const fileOf = (layer: Linear, rename = (name: string): string => name): SafetensorsFile =>
  SafetensorsFile.fromBytes(
    encodeSafetensors([...layer.state()].map(([name, value]) => [rename(name), rawOf(value)] as const)),
    "memory.safetensors",
  );

test("what is written is read back, bit for bit", () => {
  using from = linear(1);
  using to = linear(2);
  expect(to.weight.toArray()).not.toEqual(from.weight.toArray());
  expect(loadState(to.state(), fileOf(from))).toEqual([]);
  expect(to.weight.toArray()).toEqual(from.weight.toArray());
  expect(stateBytes(to.state())).toBe(32);
});

test("missing and unexpected names, and nothing changes", () => {
  using from = linear(1);
  using to = linear(2);
  const before = to.weight.toArray();
  const file = fileOf(from, (name) => (name === "bias" ? "head.bias" : name));
  expect(() => loadState(to.state(), file)).toThrow(
    "in memory.safetensors: 1 tensors missing (bias), 1 unexpected (head.bias).",
  );
  expect(to.weight.toArray()).toEqual(before);
  expect(loadState(to.state(), file, { strict: false })).toEqual(["bias"]);
  expect(to.weight.toArray()).toEqual(from.weight.toArray());
});

test("another shape names both, and nothing changes", () => {
  using from = new Linear(4, 2);
  from.initialize(new Rng(1, "init"));
  using to = linear(2);
  expect(() => loadState(to.state(), fileOf(from))).toThrow("weight has shape [2 4], the model wants [2 3].");
});

test("types are converted to the model's", () => {
  using to = linear(2);
  const bits = new Uint8Array(new Uint16Array([0x3f80, 0x4000, 0x4040, 0, 0, 0]).buffer); // bfloat16 1 2 3 0 0 0
  const file = SafetensorsFile.fromBytes(
    encodeSafetensors([
      ["weight", { dtype: "BF16", shape: [2, 3], data: bits }],
      ["bias", { dtype: "F64", shape: [2], data: new Uint8Array(new Float64Array([5, 6]).buffer) }],
    ]),
  );
  loadState(to.state(), file);
  expect(to.weight.toNumbers()).toEqual([1, 2, 3, 0, 0, 0]);
  expect(to.bias?.toNumbers()).toEqual([5, 6]);
});

test("every type goes out and comes back", () => {
  scope(() => {
    for (const dtype of ["float32", "float64", "int64", "uint8", "bfloat16", "float16", "bool"] as const) {
      const value = tensor(new Float32Array([0, 1, 1])).to(dtype);
      const { data, shape, dtype: code } = rawOf(value);
      const back = tensorOf({ dtype: code, shape, data: typeof data === "function" ? data() : data });
      expect([back.dtype, back.toNumbers()]).toEqual([dtype, [0, 1, 1]]);
    }
  });
});
