import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { Linear } from "../../src/nn/linear.js";
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
