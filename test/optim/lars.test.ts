import { describe, expect, it } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { Lars, larsConfig } from "../../src/optim/lars.js";
import type { NamedTensor } from "../../src/optim/optimizer.js";
import { tensor } from "../../src/tensor/tensor.js";

function named(name: string, values: number[], shape: number[]): NamedTensor {
  return { name, tensor: tensor(Float32Array.from(values), shape).setRequiresGrad(true) };
}

function close(actual: NamedTensor, expected: number[], digits = 6) {
  for (const [i, value] of actual.tensor.toNumbers().entries())
    expect(value).toBeCloseTo(expected[i] as number, digits);
}

/** The gradients stay from step to step. */
function lars(gradients: [NamedTensor, number[]][], weightDecay = 0): Lars {
  for (const [{ tensor: parameter }, values] of gradients)
    parameter.grad = tensor(Float32Array.from(values), parameter.shape);
  const group = { tensors: gradients.map(([parameter]) => parameter), weightDecay, learningRateScale: 1 };
  return new Lars([group], { momentum: 0.9, trustCoefficient: 0.001 });
}

describe("Lars", () => {
  // Steps worked out by hand from the official code (facebookresearch/mae, util/lars.py).
  it("moves matrices by their trust ratio and vectors plainly", () =>
    scope(() => {
      const weight = named("weight", [3, 4], [1, 2]);
      const bias = named("bias", [1], [1]);
      using optimizer = lars([
        [weight, [0.6, 0.8]],
        [bias, [0.5]],
      ]);
      optimizer.step(2);
      close(weight, [2.994, 3.992]);
      close(bias, [0]);
      optimizer.step(2);
      close(weight, [2.982612, 3.976816]);
      close(bias, [-1.9]);
    }));

  it("keeps the rate outside the momentum", () =>
    scope(() => {
      const weight = named("weight", [3, 4], [1, 2]);
      using optimizer = lars([[weight, [0.6, 0.8]]]);
      optimizer.step(6.4);
      close(weight, [2.9808, 3.9744]);
      optimizer.step(6.4);
      close(weight, [2.9444429, 3.9259238]);
    }));

  it("adds the decay to matrices before the ratio, never to vectors", () =>
    scope(() => {
      const weight = named("weight", [3, 4], [1, 2]);
      const bias = named("bias", [1], [1]);
      using optimizer = lars(
        [
          [weight, [0, 0]],
          [bias, [0]],
        ],
        0.5,
      );
      optimizer.step(1);
      // g = w/2, so |w|/|g| = 2 and the step is 0.001 · w.
      close(weight, [2.997, 3.996]);
      close(bias, [1]);
    }));

  it("takes the plain gradient where a norm is zero", () =>
    scope(() => {
      const weight = named("weight", [0, 0], [1, 2]);
      using optimizer = lars([[weight, [0.6, 0.8]]]);
      optimizer.step(1);
      close(weight, [-0.6, -0.8]);
      const still = named("still", [1, 1], [1, 2]);
      using other = lars([[still, [0, 0]]]);
      other.step(1);
      close(still, [1, 1]);
    }));

  it("has MAE's linear probe as its defaults", () => {
    expect(larsConfig.parse({ name: "lars" })).toEqual({
      name: "lars",
      baseLearningRate: 0.1,
      momentum: 0.9,
      weightDecay: 0,
      trustCoefficient: 0.001,
    });
  });
});
