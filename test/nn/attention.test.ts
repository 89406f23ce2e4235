import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { Attention } from "../../src/nn/attention.js";
import { cat } from "../../src/tensor/creation.js";
import { Rng } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { relativeDifference } from "../numbers.js";

test("the fused projection equals a loop over heads", () => {
  using layer = new Attention(12, 3);
  layer.initialize(new Rng(5, "init"));
  scope(() => {
    const x = new Rng(6, "x").normal([7, 12]);
    const qkv = layer.qkv.call(x); // [1 7 36]: q, k, v, each head-major
    const part = (which: number, head: number): Tensor =>
      qkv.slice(2, which * 12 + head * 4, which * 12 + head * 4 + 4);
    const heads = [0, 1, 2].map((head) => {
      const weights = part(0, head).matmul(part(1, head).transpose(1, 2)).div(2).softmax(-1);
      expect(weights.sum([-1]).sub(1).abs().amax([]).item()).toBeLessThan(1e-6);
      return weights.matmul(part(2, head));
    });
    expect(relativeDifference(layer.call(x), layer.proj.call(cat(heads, 2)))).toBeLessThan(1e-6);
  });
});

test("heads that do not divide the width", () => {
  expect(() => new Attention(10, 3)).toThrow("width 10 does not divide into 3 heads");
});
