import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { Larc } from "../../src/optim/larc.js";
import { tensor } from "../../src/tensor/tensor.js";

// Three steps with momentum are apex's own in test/methods/siamese/swav.test.ts, of matrices, vectors and tensors without a gradient.

/** One step without momentum from these weights and gradients. @returns the weights after it */
function stepped(weight: readonly number[], gradient: readonly number[], weightDecay: number): number[] {
  return scope(() => {
    const own = tensor(Float32Array.from(weight)).setRequiresGrad(true);
    own.grad = tensor(Float32Array.from(gradient));
    const groups = [{ tensors: [{ name: "w", tensor: own }], weightDecay, learningRateScale: 1 }];
    using optimizer = new Larc(groups, { momentum: 0, trustCoefficient: 0.01 });
    optimizer.step(2);
    optimizer.zeroGrad();
    return own.detach().toNumbers();
  });
}

const close = (found: readonly number[], expected: readonly number[]): void => {
  for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 6);
};

test("without decay a vector moves by rate × trust × its norm, however long the gradient is", () => {
  close(stepped([3, 4], [0, 7], 0), [3, 4 - 2 * 0.01 * 5]);
  close(stepped([3, 4], [0, 1e-3], 0), [3, 4 - 2 * 0.01 * 5 * (1e-3 / (1e-3 + 1e-8))]);
});

test("decay joins the gradient and the norm that divides", () => {
  // (g + 0.1 w) · 0.01 · 5 / (2 + 0.1 · 5), twice
  const factor = (2 * 0.01 * 5) / 2.5;
  close(stepped([3, 4], [2, 0], 0.1), [3 - (2 + 0.3) * factor, 4 - 0.4 * factor]);
});

test("a zero tensor takes the plain gradient, a zero gradient changes nothing, decay included", () => {
  close(stepped([0, 0], [1, -2], 0.1), [-2, 4]);
  close(stepped([3, 4], [0, 0], 0.1), [3, 4]);
});
