import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { GlobalResponseNorm } from "../../../src/nn/convolution/global-response-norm.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";

const rounded = (values: Tensor): number[] => values.toNumbers().map((value) => Number(value.toFixed(5)));

test("two positions and two channels by hand: norms 5 and 1 over their mean 3", () => {
  using norm = new GlobalResponseNorm(2);
  norm.gamma.setBytes(Float32Array.of(1, 1));
  norm.beta.setBytes(Float32Array.of(0.5, 0.5));
  expect([...norm.state()].map(([name, { shape }]) => [name, shape])).toEqual([
    ["gamma", [1, 1, 1, 2]],
    ["beta", [1, 1, 1, 2]],
  ]);
  scope(() => {
    const x = tensor(Float32Array.of(3, 0, 4, 1), [1, 1, 2, 2]); // channel 0: 3, 4; channel 1: 0, 1
    expect(rounded(norm.call(x))).toEqual([8.5, 0.5, 11.16666, 1.83333]);
  });
});

test("the identity at first; each picture for itself", () => {
  using norm = new GlobalResponseNorm(5);
  norm.initialize(new Rng(0, "init"));
  scope(() => {
    const x = new Rng(1, "x", 0, [0, 1]).normal([3, 4, 5]); // [2 3 4 5]
    expect(norm.call(x).toNumbers()).toEqual(x.toNumbers());
    norm.gamma.setBytes(Float32Array.of(1, 2, 3, 4, 5));
    expect(rounded(norm.call(x).slice(0, 0, 1))).toEqual(rounded(norm.call(x.slice(0, 0, 1))));
  });
});

test("a channel of zeros has a gradient that is a number", () => {
  using norm = new GlobalResponseNorm(2);
  norm.gamma.setBytes(Float32Array.of(1, 1));
  scope(() => {
    const x = tensor(Float32Array.of(3, 0, 4, 0), [1, 1, 2, 2]).setRequiresGrad(true);
    backward(norm.call(x).sum());
    expect((x.grad as Tensor).toNumbers().every(Number.isFinite)).toBe(true);
    for (const parameter of norm.state().values()) parameter.grad = undefined;
  });
});
