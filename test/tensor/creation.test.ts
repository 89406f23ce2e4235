import { describe, expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { arange, cat, empty, eye, full, ones, stack, zeros } from "../../src/tensor/creation.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "../engine/leaks.js";

const cases: [string, (placement?: { dtype: "int64"; device: string }) => Tensor, number[], number[]][] = [
  ["zeros", (p) => zeros([2, 2], p), [0, 0, 0, 0], [2, 2]],
  ["ones", (p) => ones([3], p), [1, 1, 1], [3]],
  ["full", (p) => full([2], 7, p), [7, 7], [2]],
  ["arange", (p) => arange(2, 5, 1, p), [2, 3, 4], [3]],
  ["arange by steps", (p) => arange(5, 0, -2, p), [5, 3, 1], [3]],
  ["eye", (p) => eye(2, p), [1, 0, 0, 1], [2, 2]],
];

describe("creation", () => {
  leavesNoTensors();

  test.each(cases)("%s", (_, make, expected, shape) =>
    scope(() => {
      const plain = make();
      expect([plain.dtype, plain.device, plain.shape, plain.toNumbers()]).toEqual(["float32", "cpu", shape, expected]);
      const whole = make({ dtype: "int64", device: "cpu" });
      expect([whole.dtype, whole.toNumbers()]).toEqual(["int64", expected]);
      const planned = make({ dtype: "int64", device: "meta" });
      expect([planned.dtype, planned.device, planned.shape]).toEqual(["int64", "meta", shape]);
    }),
  );

  test("empty has a shape and a type", () =>
    scope(() => {
      const made = empty([2, 0, 3], { dtype: "bfloat16", device: "meta" });
      expect([made.shape, made.dtype, made.device, empty([4]).size]).toEqual([[2, 0, 3], "bfloat16", "meta", 4]);
    }));

  test("cat and stack", () =>
    scope(() => {
      const [a, b] = [arange(0, 2), arange(5, 7)];
      expect(cat([a, b]).toNumbers()).toEqual([0, 1, 5, 6]);
      expect(cat([a.unsqueeze(1), b.unsqueeze(1)], 1).toNumbers()).toEqual([0, 5, 1, 6]);
      expect(stack([a, b]).shape).toEqual([2, 2]);
      expect(stack([a, b], 1).toNumbers()).toEqual([0, 5, 1, 6]);
    }));
});
