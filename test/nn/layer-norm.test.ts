import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { LayerNorm } from "../../src/nn/layer-norm.js";
import { Rng } from "../../src/tensor/random.js";

test("zero mean and unit (biased) variance of each vector before scale and shift, ε inside the root", () => {
  using norm = new LayerNorm(64);
  norm.initialize(new Rng(0, "init"));
  scope(() => {
    const y = norm.call(new Rng(1, "x").normal([5, 64]).mul(1e-3).add(7));
    expect(y.mean([-1]).abs().amax([]).item()).toBeLessThan(1e-3);
    const expected = 1e-6 / (1e-6 + 1e-6); // variance 1e-6 of the input, ε 1e-6
    expect(y.var([-1], 0).mean().item()).toBeCloseTo(expected, 1);
  });
  norm.weight.setBytes(new Float32Array(64).fill(2));
  norm.bias.setBytes(new Float32Array(64).fill(3));
  scope(() => {
    const y = norm.call(new Rng(1, "x").normal([5, 64]));
    expect(y.mean([-1]).sub(3).abs().amax([]).item()).toBeLessThan(1e-5);
    expect(y.var([-1], 0).sub(4).abs().amax([]).item()).toBeLessThan(1e-4);
  });
});
