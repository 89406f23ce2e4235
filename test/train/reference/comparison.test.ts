import { describe, expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { Comparison, differencesIn } from "../../../src/train/reference/comparison.js";

const vector = (...values: number[]): Tensor => tensor(Float32Array.from(values), [values.length]);

/** Gradients as a file has them. */
function gradients(values: Record<string, Tensor>) {
  const named = new Map(Object.entries(values).map(([name, value]) => [`grad/${name}`, value]));
  return differencesIn({
    has: (name) => named.has(name),
    read: (name) => named.get(name) as Tensor,
    below: () => Object.keys(values),
  });
}

describe("how far two tensors are from each other", () => {
  test("is measured by the largest value, or without one by 1", () =>
    scope(() => {
      const apart = gradients({});
      expect(apart("loss", vector(2, 4.5), vector(2, 4))).toBeCloseTo(0.125, 6);
      expect(apart("out/latent", vector(0.5, 0), vector(0, 0))).toBe(0.5);
    }));

  test("is infinite where one is missing or has another size, and no number where one has none", () =>
    scope(() => {
      const apart = gradients({});
      expect(apart("loss", undefined, vector(1))).toBe(Number.POSITIVE_INFINITY);
      expect(apart("loss", vector(1), undefined)).toBe(Number.POSITIVE_INFINITY);
      expect(apart("loss", vector(1), vector(1, 1))).toBe(Number.POSITIVE_INFINITY);
      expect(apart("loss", vector(Number.NaN), vector(1))).toBeNaN();
    }));

  test("a gradient that is zero throughout is measured by the largest of all", () =>
    scope(() => {
      const apart = gradients({ a: vector(0, 0), b: vector(8, -16) });
      expect(apart("grad/a", vector(0, 1), vector(0, 0))).toBe(1 / 16);
    }));

  test("after steps entries without a gradient do not count, nor do a teacher's or the keys of a qkv bias", () =>
    scope(() => {
      const apart = gradients({ a: vector(1, 0), "attn.qkv.bias": vector(1, 1, 1) });
      expect(apart("after/a", vector(2, 7), vector(2, 1))).toBe(0);
      expect(apart("after/a", vector(1, 7), vector(2, 1))).toBe(0.5);
      expect(apart("after/teacher.a", vector(2, 7), vector(2, 1))).toBe(0);
      expect(apart("after/attn.qkv.bias", vector(2, 5, 2), vector(2, 1, 2))).toBe(0);
      expect(apart("after/attn.qkv.bias", vector(2, 5, 1), vector(2, 1, 2))).toBe(0.5);
      expect(apart("after/frozen", vector(2, 5), vector(2, 4))).toBe(0.25);
    }));
});

describe("a part", () => {
  test("tells of the tensor that is nearest to its tolerance, not of the largest difference", () => {
    const comparison = new Comparison("gradients");
    comparison.add("noisy", 1e-3, 1e-2);
    comparison.add("quiet", 1e-4, 2e-4);
    comparison.add("equal", 0, 0);
    expect(comparison.result()).toEqual({
      part: "gradients",
      tensors: 3,
      difference: 1e-4,
      tolerance: 2e-4,
      worst: "quiet",
      passed: true,
    });
  });

  test.each([
    ["farther than its tolerance", 2e-4, 1e-4],
    ["off where nothing is allowed", 1e-9, 0],
    ["infinitely far", Number.POSITIVE_INFINITY, 1],
    ["no number", Number.NaN, 1],
  ])("does not pass with a tensor that is %s", (_, difference, tolerance) => {
    const comparison = new Comparison("loss");
    comparison.add("fine", 0, 1e-5);
    comparison.add("bad", difference, tolerance);
    expect(comparison.result()).toMatchObject({ worst: "bad", passed: false });
  });

  test("with nothing to compare is none", () => {
    expect(new Comparison("buffers").result()).toBeUndefined();
  });
});
