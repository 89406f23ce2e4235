import { describe, expect, test } from "vitest";
import type { DType } from "../../src/engine/dtype.js";
import { record } from "../../src/engine/record.js";
import { scope } from "../../src/engine/scope.js";
import { zeros } from "../../src/tensor/creation.js";
import {
  atan2,
  attention,
  crossEntropy,
  gelu,
  layerNorm,
  linear,
  mseLoss,
  normalize,
  resizeBicubic,
  take,
} from "../../src/tensor/functional.js";
import { gradients } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import { aten, type Tensor, tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "../engine/leaks.js";

const floats = (values: number[], shape = [values.length]): Tensor => tensor(Float32Array.from(values), shape);
const normal = (purpose: string, ...shape: number[]): Tensor => new Rng(4, purpose).normal(shape).select(0, 0);

function expectClose(actual: Tensor, expected: Tensor, tolerance = 1e-5): void {
  expect(actual.shape).toEqual(expected.shape);
  const [a, b] = [actual.toNumbers(), expected.toNumbers()];
  const largest = Math.max(...b.map(Math.abs));
  b.forEach((value, i) => {
    expect(Math.abs((a[i] as number) - value)).toBeLessThanOrEqual(tolerance * largest);
  });
}

describe("functional", () => {
  leavesNoTensors();

  test("linear", () =>
    scope(() => {
      const [x, w] = [floats([1, 2], [1, 2]), floats([1, 0, 0, 1, 1, 1], [3, 2])];
      expect(linear(x, w, null).toNumbers()).toEqual([1, 2, 3]);
      expect(linear(x, w, floats([10, 20, 30])).toNumbers()).toEqual([11, 22, 33]);
    }));

  test("layerNorm gives mean 0 and variance 1, then scale and shift", () =>
    scope(() => {
      const x = normal("x", 4, 16);
      const y = layerNorm(x, [16], null, null, 0);
      expectClose(y.mean([1]).add(1), zeros([4]).add(1));
      expectClose(y.var([1], 0), zeros([4]).add(1));
      expectClose(layerNorm(x, [16], zeros([16]).add(2), zeros([16]).add(3), 0), y.mul(2).add(3));
    }));

  test("gelu is exact unless said", () =>
    scope(() => {
      expect(gelu(floats([1])).item()).toBeCloseTo(0.8413447461, 6); // Φ(1)
      expect(gelu(floats([1]), "tanh").item()).toBeCloseTo(0.8411919906, 6);
    }));

  test("crossEntropy of labels, soft targets, smoothing, and reductions", () =>
    scope(() => {
      const logits = floats([1, 2, 3, 0, 0, 0], [2, 3]);
      const labels = tensor(BigInt64Array.of(2n, 0n));
      const each = [Math.log(1 + Math.exp(-1) + Math.exp(-2)), Math.log(3)] as const;
      const mean = (each[0] + each[1]) / 2;
      expect(crossEntropy(logits, labels).item()).toBeCloseTo(mean, 5);
      expect(crossEntropy(logits, labels, { reduction: "sum" }).item()).toBeCloseTo(2 * mean, 5);
      expect(crossEntropy(logits, labels, { reduction: "none" }).toNumbers()[0]).toBeCloseTo(each[0], 5);
      const soft = aten("one_hot", labels, 3).float();
      expect(crossEntropy(logits, soft).item()).toBeCloseTo(mean, 5);
      const smoothed = soft.mul(0.7).add(0.1);
      expect(crossEntropy(logits, labels, { labelSmoothing: 0.3 }).item()).toBeCloseTo(
        crossEntropy(logits, smoothed).item(),
        5,
      );
    }));

  test("mseLoss", () =>
    scope(() => {
      const [a, b] = [floats([1, 2]), floats([3, 6])];
      expect(mseLoss(a, b).item()).toBe(10);
      expect(mseLoss(a, b, "sum").item()).toBe(20);
      expect(mseLoss(a, b, "none").toNumbers()).toEqual([4, 16]);
    }));

  test("resizeBicubic keeps a flat picture flat and a picture of the same size as it is", () =>
    scope(() => {
      expectClose(resizeBicubic(zeros([1, 2, 3, 4]).add(5), [7, 5]), zeros([1, 2, 7, 5]).add(5));
      const x = normal("picture", 1, 1, 4, 4);
      expectClose(resizeBicubic(x, [4, 4]), x);
    }));

  test("take picks rows for each picture", () =>
    scope(() => {
      const x = floats([0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121], [2, 3, 2]);
      const ids = tensor(BigInt64Array.of(2n, 0n, 1n, 1n), [2, 2]);
      expect(take(x, ids).toNumbers()).toEqual([20, 21, 0, 1, 110, 111, 110, 111]);
    }));

  test("normalize gives length 1, and leaves a zero vector", () =>
    scope(() => {
      expectClose(normalize(floats([3, 4, 0, 0], [2, 2])), floats([0.6, 0.8, 0, 0], [2, 2]));
      expectClose(
        normalize(floats([3, 4, 0, 1], [2, 2]), 0),
        floats([1, 4 / Math.sqrt(17), 0, 1 / Math.sqrt(17)], [2, 2]),
      );
    }));
});

describe("attention", () => {
  leavesNoTensors();
  const kernel = (tokens: number, dtype: DType, device = "cpu"): boolean => {
    const { recording } = record(() => {
      const x = zeros([1, 1, tokens, 4], { dtype, device });
      return attention(x, x, x);
    });
    return recording.steps.some(({ op }) => op === "scaled_dot_product_attention");
  };

  test.each([5, 150])("%i tokens: softmax(q kᵀ / √d) v and its gradients, by either kernel", (tokens) =>
    scope(() => {
      const [q, k, v] = ["q", "k", "v"].map((name) => normal(name, 2, 2, tokens, 8).clone().setRequiresGrad(true)) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const y = attention(q, k, v);
      const expected = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(8)).softmax(-1).matmul(v);
      expectClose(y, expected);
      const weight = normal("weight", 2, 2, tokens, 8);
      const found = gradients([y.mul(weight).sum()], [q, k, v]);
      const wanted = gradients([expected.mul(weight).sum()], [q, k, v]);
      found.forEach((gradient, i) => {
        expectClose(gradient as Tensor, wanted[i] as Tensor);
      });
    }),
  );

  test("queries and keys may differ in number", () =>
    scope(() => {
      const [q, k, v] = [normal("q", 1, 2, 3, 4), normal("k", 1, 2, 130, 4), normal("v", 1, 2, 130, 4)];
      expectClose(attention(q, k, v), q.matmul(k.transpose(-2, -1)).div(2).softmax(-1).matmul(v));
    }));

  test("the kernel follows from shape and type alone", () =>
    scope(() => {
      expect([96, 97].map((tokens) => kernel(tokens, "float32"))).toEqual([false, true]);
      expect([256, 257].map((tokens) => kernel(tokens, "bfloat16"))).toEqual([false, true]);
      expect(kernel(1000, "float32", "meta")).toBe(false);
    }));
});

test("atan2 is the angle of two numbers, on the axes too", () => {
  scope(() => {
    const [y, x] = [tensor(Float32Array.of(1, -1, 0, 0), [4]), tensor(Float32Array.of(1, 1, -1, 1), [4])];
    const angles = atan2(y, x).toNumbers();
    for (const [i, angle] of [Math.PI / 4, -Math.PI / 4, Math.PI, 0].entries()) expect(angles[i]).toBeCloseTo(angle, 6);
  });
});
