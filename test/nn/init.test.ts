import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { normal, one, stackedXavierUniform, uniformFanIn, xavierUniform, zero } from "../../src/nn/init.js";
import { Rng } from "../../src/tensor/random.js";

const rng = new Rng(3, "init");
const moments = (values: number[]): { mean: number; deviation: number; largest: number } => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  return { mean, deviation, largest: values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) };
};

test("Xavier on the fused qkv matrix and on a patch kernel seen as a matrix: the card's bounds (mae.md section 6)", () => {
  scope(() => {
    const qkv = moments(xavierUniform([3 * 768, 768], rng).toNumbers());
    expect(qkv.largest).toBeLessThanOrEqual(0.0441942);
    expect(qkv.largest).toBeGreaterThan(0.04419);
    expect(qkv.deviation).toBeCloseTo(0.0441942 / Math.sqrt(3), 4);
    expect(moments(xavierUniform([768, 3, 16, 16], rng).toNumbers()).largest).toBeCloseTo(0.0625, 5);
  });
});

test("the bias that a convolution starts with", () => {
  scope(() => expect(moments(uniformFanIn(768)([4096], rng).toNumbers()).largest).toBeCloseTo(0.0361, 4));
});

test("normal, zero and one", () => {
  scope(() => {
    const { mean, deviation } = moments(normal(0.02)([200, 100], rng).toNumbers());
    expect(mean).toBeCloseTo(0, 3);
    expect(deviation).toBeCloseTo(0.02, 3);
    expect(zero([3], rng).toNumbers()).toEqual([0, 0, 0]);
    expect(one([2], rng).toNumbers()).toEqual([1, 1]);
  });
});

test("queries, keys and values as three matrices: MoCo v3's bound √(3 / D)", () => {
  scope(() => {
    const { largest } = moments(stackedXavierUniform(3)([3 * 768, 768], rng).toNumbers());
    expect(largest).toBeLessThanOrEqual(0.0625);
    expect(largest).toBeGreaterThan(0.0624);
  });
});
