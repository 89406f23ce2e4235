import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { Gelu, Relu } from "../../src/nn/activations.js";
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
