import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { normal } from "../../src/nn/init.js";
import { Linear, WeightNormLinear } from "../../src/nn/linear.js";
import { backward } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import { tensor } from "../../src/tensor/tensor.js";

test("y = x Wᵀ + b", () => {
  using layer = new Linear(3, 2);
  layer.initialize(new Rng(0, "init"));
  layer.weight.setBytes(new Float32Array([1, 2, 3, -1, 0, 1]));
  expect(layer.bias?.toNumbers()).toEqual([0, 0]);
  layer.bias?.setBytes(new Float32Array([10, 20]));
  scope(() => expect(layer.call(tensor(new Float32Array([1, 1, 2]), [1, 3])).toNumbers()).toEqual([19, 21]));
});

test("without a bias, and the text of a wrong width", () => {
  using layer = new Linear(192, 64, { bias: false });
  expect([...layer.state().keys()]).toEqual(["weight"]);
  scope(() => {
    const x = new Rng(0, "x").normal([65, 256]);
    expect(() => layer.call(x)).toThrow("in linear: linear expects [… 192], got [1 65 256].");
  });
});

test("weight norm: rows g · v / ‖v‖, whose directions alone turn where the length is not trained", () => {
  using layer = new WeightNormLinear(2, 2, normal(1));
  layer.initialize(new Rng(0, "init"));
  layer.weightV.setBytes(new Float32Array([3, 4, 0, 2]));
  expect(layer.weightG.toNumbers()).toEqual([1, 1]);
  layer.weightG.setBytes(new Float32Array([5, 1]));
  scope(() => {
    const y = layer.call(tensor(new Float32Array([1, 2]), [1, 2]));
    expect(y.detach().toNumbers()).toEqual([11, 2]);
    backward(y.sum());
    // 5 · (x − (x · u) u) / 5 with u = [0.6, 0.8]; x along the second row has no part that turns it.
    for (const [i, value] of [-0.32, 0.24, 0.5, 0].entries())
      expect(layer.weightV.grad?.toNumbers()[i]).toBeCloseTo(value, 6);
    expect(layer.weightG.grad?.toNumbers()[0]).toBeCloseTo(2.2, 6);
    layer.weightV.grad = undefined;
    layer.weightG.grad = undefined;
  });
  using fixed = new WeightNormLinear(2, 2, normal(1), false);
  expect(fixed.parameters().map(({ name }) => name)).toEqual(["weight_v"]);
});
