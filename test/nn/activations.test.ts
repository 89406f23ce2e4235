import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { Gelu, Relu, Tanh } from "../../src/nn/activations.js";
import { tensor } from "../../src/tensor/tensor.js";

test("nothing below zero passes, and it has no state", () => {
  const relu = new Relu();
  scope(() => expect(relu.call(tensor(Float32Array.of(-1, 0, 2.5))).toNumbers()).toEqual([0, 0, 2.5]));
  expect(relu.state().size).toBe(0);
});

test("GELU with the error function, not its approximation", () => {
  const gelu = new Gelu();
  scope(() => {
    const [low, zero, high] = gelu.call(tensor(Float32Array.of(-1, 0, 2.5))).toNumbers();
    expect(low).toBeCloseTo(-0.15865525, 6); // −Φ(−1)
    expect(zero).toBe(0);
    expect(high).toBeCloseTo(2.48447584, 6); // 2.5 Φ(2.5)
  });
  expect(gelu.state().size).toBe(0);
});

test("the hyperbolic tangent", () => {
  const tanh = new Tanh();
  scope(() => expect(tanh.call(tensor(Float32Array.of(0, 1))).toNumbers()[1]).toBeCloseTo(0.76159416, 6));
  expect(tanh.state().size).toBe(0);
});
