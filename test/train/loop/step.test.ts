import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { Parameter } from "../../../src/nn/parameter.js";
import { Sgd } from "../../../src/optim/sgd.js";
import { full } from "../../../src/tensor/creation.js";
import { backward } from "../../../src/tensor/grad.js";
import { NonFiniteError } from "../../../src/train/finite.js";
import { takeStep, unread } from "../../../src/train/loop/step.js";

/** One step on w = (3, 4) with the loss `factor · |w|²/2`, whose gradient is `factor · w`. */
function stepped(factor: number, clipNorm?: number): { weights: number[]; loss: number; gradNorm: number } {
  using weight = new Parameter([2], () => full([2], 0));
  weight.setBytes(Float32Array.of(3, 4));
  const parameters = [{ name: "w", tensor: weight }];
  using optimizer = new Sgd([{ tensors: parameters, weightDecay: 0, learningRateScale: 1 }], { momentum: 0 });
  let after = 0;
  const run = () =>
    takeStep({
      optimizer,
      parameters,
      rates: { learningRate: 0.1 },
      clipNorm,
      samples: [7],
      accumulate: () => {
        const loss = weight
          .mul(weight)
          .sum()
          .mul(factor / 2);
        backward(loss);
        return [0.25, 0.75].map((share) => ({ share, loss: unread({ total: loss, parts: { square: full([], 1) } }) }));
      },
      explain: () => new NonFiniteError("the loss is not finite.", "w", [7], "none"),
      after: () => void after++,
    });
  try {
    const { loss, gradNorm, learningRate, parts } = run();
    expect([learningRate, parts, after]).toEqual([0.1, { square: 1 }, 1]);
    expect(scope(() => weight.grad)).toBeUndefined();
    return { weights: weight.toNumbers(), loss, gradNorm };
  } catch (error) {
    expect(weight.toNumbers()).toEqual([3, 4]); // nothing is updated
    expect(after).toBe(0);
    weight.grad = undefined;
    throw error;
  }
}

test("gradient, norm, step: w − 0.1·w", () => {
  const { weights, loss, gradNorm } = stepped(1);
  expect(weights[0]).toBeCloseTo(2.7, 6);
  expect(weights[1]).toBeCloseTo(3.6, 6);
  expect([loss, gradNorm]).toEqual([12.5, 5]);
});

test("clipping shortens the step to the norm, and reports the norm before", () => {
  const { weights, gradNorm } = stepped(1, 1);
  expect(gradNorm).toBe(5);
  expect(weights[0]).toBeCloseTo(3 - 0.06, 5);
  expect(weights[1]).toBeCloseTo(4 - 0.08, 5);
});

test("a loss or a gradient that is no number ends the step before the optimiser's", () => {
  expect(() => stepped(Number.NaN)).toThrow("the loss is not finite");
  expect(() => stepped(1e38)).toThrow(/not finite/);
});
