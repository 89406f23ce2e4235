import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import {
  kaimingNormalFanOut,
  kaimingUniform,
  normal,
  one,
  stackedXavierUniform,
  truncatedNormal,
  uniformFanIn,
  xavierUniform,
  zero,
} from "../../src/nn/init.js";
import { Rng } from "../../src/tensor/random.js";

const rng = new Rng(3, "init");
const moments = (values: number[]): { mean: number; deviation: number; largest: number } => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  return { mean, deviation, largest: values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) };
};

test("Xavier on the fused qkv matrix and on a patch kernel seen as a matrix: bounds as the official code has them", () => {
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

/** By torch.nn.init: kaiming_uniform_(a=sqrt(5)) has the bound 1/sqrt(fan in); kaiming_normal_(mode="fan_out", nonlinearity="relu"). */
test("Kaiming's two: uniform by the window that is read, normal by the outputs times the window", () => {
  scope(() => {
    const uniform = moments(kaimingUniform([64, 32, 3, 3], rng).toNumbers());
    expect(uniform.largest).toBeLessThanOrEqual(1 / Math.sqrt(32 * 9));
    expect(uniform.deviation).toBeCloseTo(1 / Math.sqrt(3 * 32 * 9), 3);
    expect(moments(kaimingNormalFanOut([64, 32, 3, 3], rng).toNumbers()).deviation).toBeCloseTo(0.05893, 3); // sqrt(2 / 576)
  });
});

test("a normal cut at two deviations has 0.8796 of its deviation; PyTorch's cut at 2 changes nothing at 0.02", () => {
  scope(() => {
    const cut = moments(truncatedNormal(0.02, 0.04)([300, 300], rng).toNumbers());
    expect(cut.largest).toBeLessThanOrEqual(0.04 * (1 + 1e-6));
    expect(cut.largest).toBeGreaterThan(0.0399);
    expect(cut.deviation).toBeCloseTo(0.8796 * 0.02, 4);
    expect(truncatedNormal(0.02)([40, 50], rng).toNumbers()).toEqual(normal(0.02)([40, 50], rng).toNumbers());
  });
});

/** scipy.stats.truncnorm: deviation 0.5396 for ± 1, quartiles ± 0.4418. */
test("a normal cut at one deviation, BEiT's, has 0.5396 of its deviation and its quartiles", () => {
  scope(() => {
    const values = truncatedNormal(0.02, 0.02)([100_000], new Rng(0, "cut")).div(0.02);
    expect(values.std([0]).item()).toBeCloseTo(0.5396, 2);
    expect(values.abs().amax([]).item()).toBeLessThanOrEqual(1);
    for (const [limit, share] of [
      [-0.4418, 0.25],
      [0, 0.5],
      [0.4418, 0.75],
    ] as const)
      expect(values.lt(limit).float().mean().item()).toBeCloseTo(share, 2);
  });
});
