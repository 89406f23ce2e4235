import { expect, test } from "vitest";
import { liveTensors, scope } from "../../../src/engine/scope.js";
import { type HeadShape, mlpHead, normedHead } from "../../../src/methods/parts/heads.js";
import { onDevice } from "../../../src/nn/parameter.js";
import { Rng } from "../../../src/tensor/random.js";

const official = { hidden: 4096, output: 256, batchNorm: true, lastNorm: true };
const parameters = (shape: HeadShape): number => {
  using head = onDevice("meta", () => mlpHead(shape));
  return head.parameters().reduce((sum, { tensor }) => sum + tensor.size, 0);
};

test.each([
  ["ViT-S", 384, 3, 19_415_040],
  ["ViT-B", 768, 3, 20_987_904],
  ["ViT-L", 1024, 3, 22_036_480],
  ["ViT-H", 1280, 3, 23_085_056],
  ["ResNet-50", 2048, 2, 9_445_376],
])("MoCo v3's projector behind %s has as many parameters as the official one", (_, inputs, layers, count) => {
  expect(parameters({ inputs, layers, ...official })).toBe(count);
});

test("its predictor, with the last batch norm and without", () => {
  const shape = { inputs: 256, layers: 2, ...official };
  expect(parameters(shape)).toBe(2_105_344);
  expect(parameters({ ...shape, lastNorm: false })).toBe(2_105_344);
});

test("names and first values are those of PyTorch's Sequential; the last norm has statistics and nothing to learn", () => {
  using head = mlpHead({ inputs: 100, layers: 3, hidden: 8, output: 4, batchNorm: true, lastNorm: true });
  const norm = (at: number): string[] => ["weight", "bias", "running_mean", "running_var"].map((key) => `${at}.${key}`);
  const names = ["0.weight", ...norm(1), "3.weight", ...norm(4), "6.weight", "7.running_mean", "7.running_var"];
  expect([...head.state().keys()]).toEqual(names);
  using scaled = mlpHead({ inputs: 4, layers: 1, hidden: 8, output: 2, batchNorm: true, lastNorm: "scale" });
  expect([...scaled.state().keys()]).toEqual(["0.weight", "1.weight", "1.running_mean", "1.running_var"]);
  head.initialize(new Rng(0, "init"));
  scope(() => {
    const largest = head.state().get("0.weight")?.abs().amax([]).item();
    expect(largest).toBeLessThanOrEqual(0.1);
    expect(largest).toBeGreaterThan(0.099);
  });
});

test("without batch norm, and without layers", () => {
  using plain = mlpHead({ inputs: 6, layers: 2, hidden: 8, output: 4, batchNorm: false, lastNorm: false });
  expect([...plain.state().keys()]).toEqual(["0.weight", "2.weight"]);
  using none = mlpHead({ inputs: 4, layers: 0, hidden: 8, output: 4, batchNorm: true, lastNorm: true });
  const before = liveTensors();
  scope(() => {
    const x = new Rng(1, "x", 0, [0, 1]).normal([4]);
    expect(none.call(x).toNumbers()).toEqual(x.toNumbers());
  });
  expect(liveTensors()).toBe(before);
});

test("ExtreMA's projector and predictor behind ViT-B have as many parameters as the official ones, under the same names", () => {
  const count = (widths: readonly number[]): number => {
    using head = onDevice("meta", () => normedHead(widths));
    return head.parameters().reduce((sum, { tensor }) => sum + tensor.size, 0);
  };
  expect(count([768, 4096, 4096, 256])).toBe(20_996_352);
  expect(count([256, 4096, 256])).toBe(2_109_696);
  using head = normedHead([4, 8, 2]);
  const names = [0, 1, 3].flatMap((at) => [`${at}.weight`, `${at}.bias`]);
  expect([...head.state().keys()]).toEqual(names);
});
