import { expect, test } from "vitest";
import { autocast } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { DinoHead } from "../../../src/methods/parts/dino-head.js";
import { Rng } from "../../../src/tensor/random.js";
import { leavesNoTensors } from "../../engine/leaks.js";

leavesNoTensors();

const shape = { inputs: 6, layers: 3, hidden: 8, bottleneck: 4, outputs: 10, batchNorm: false, normLastLayer: true };

test("names and shapes of the official head, with batch norm and without", () => {
  using head = new DinoHead(shape);
  expect(Object.fromEntries([...head.state()].map(([name, value]) => [name, value.shape]))).toEqual({
    "mlp.0.weight": [8, 6],
    "mlp.0.bias": [8],
    "mlp.2.weight": [8, 8],
    "mlp.2.bias": [8],
    "mlp.4.weight": [4, 8],
    "mlp.4.bias": [4],
    "last_layer.weight_g": [10, 1],
    "last_layer.weight_v": [10, 4],
  });
  using normed = new DinoHead({ ...shape, batchNorm: true });
  expect([...normed.state().keys()].filter((name) => name.endsWith("running_mean"))).toEqual([
    "mlp.1.running_mean",
    "mlp.4.running_mean",
  ]);
});

test("the head of a ViT-S has the official number of parameters; lengths of the last layer are trained only where they may", () => {
  using head = new DinoHead({ ...shape, inputs: 384, hidden: 2048, bottleneck: 256, outputs: 65_536 });
  const count = (tensors: Iterable<{ readonly size: number }>): number =>
    [...tensors].reduce((sum, { size }) => sum + size, 0);
  expect(count(head.state().values())).toBe(22_352_128);
  expect(count(head.parameters().map(({ tensor }) => tensor))).toBe(22_286_592);
  using trained = new DinoHead({ ...shape, normLastLayer: false });
  expect(trained.parameters().map(({ name }) => name)).toContain("last_layer.weight_g");
});

test("scores are cosines with the rows of the last layer, in float32 under bfloat16 too", () => {
  using head = new DinoHead(shape);
  head.initialize(new Rng(0, "init"));
  scope(() => {
    const features = new Rng(1, "features", 0, [0, 1, 2]).normal([6]);
    for (const dtype of ["float32", "bfloat16"] as const) {
      const scores = autocast(dtype, () => head.call(features));
      expect([scores.dtype, scores.shape]).toEqual(["float32", [3, 10]]);
      expect(scores.abs().amax([]).item()).toBeLessThanOrEqual(1 + 1e-6);
      expect(head.call(features.mul(1)).sub(scores).abs().amax([]).item()).toBeLessThan(
        dtype === "float32" ? 1e-6 : 0.1,
      );
    }
  });
});
