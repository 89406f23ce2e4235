import { expect } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { gradients } from "../../src/tensor/grad.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";

/** An input: a shape, filled with numbers in [low, high) that are all different and away from each other. */
export interface Input {
  readonly shape: readonly number[];
  readonly low?: number;
  readonly high?: number;
}

/** Well spread in [0, 1): multiples of the golden ratio (Weyl); the least distance of n of them is about 0.4 / n. */
function spread(count: number, offset: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => ((i + 1 + offset) * 0.6180339887498949) % 1);
}

function filled({ shape, low = -1, high = 1 }: Input, offset: number): Tensor {
  const count = shape.reduce((product, side) => product * side, 1);
  return tensor(
    spread(count, offset).map((value) => low + (high - low) * value),
    shape,
  );
}

/**
 * Compares autograd with central differences in float64 for every element of every input.
 * @param operation tensors -> tensor, or tensors whose weighted sums are added
 * @param inputs shapes, or shapes with a range where the operation is smooth
 */
export function expectGradients(
  operation: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  ...inputs: readonly (Input | readonly number[])[]
): void {
  scope(() => {
    const leaves = inputs.map((input, i) => filled("shape" in input ? input : { shape: input }, 100 * i));
    const value = (): Tensor => weightedSum(operation(...leaves));
    for (const leaf of leaves) leaf.setRequiresGrad(true);
    const analytic = gradients([value()], leaves).map((g, i) => g?.toNumbers() ?? zeros((leaves[i] as Tensor).size));
    for (const leaf of leaves) leaf.setRequiresGrad(false);
    leaves.forEach((leaf, i) => {
      const numeric = differences(leaf, () => scope(() => value().item()));
      const largest = Math.max(1e-3, ...numeric.map(Math.abs));
      numeric.forEach((slope, k) => {
        const got = analytic[i]?.[k] as number;
        const message = `input ${i}, element ${k}: autograd ${got}, differences ${slope}`;
        expect(Math.abs(got - slope) <= 1e-6 * largest, message).toBe(true);
      });
    });
  });
}

function zeros(count: number): number[] {
  return new Array<number>(count).fill(0);
}

/** Different weights for all elements, so that no error cancels. */
function weightedSum(outputs: Tensor | readonly Tensor[]): Tensor {
  const list = Array.isArray(outputs) ? (outputs as readonly Tensor[]) : [outputs as Tensor];
  const parts = list.map((output, k) => {
    const weights = tensor(
      spread(output.size, 31 + 57 * k).map((value) => value - 0.4),
      output.shape,
    );
    return output.mul(weights).sum();
  });
  return parts.reduce((sum, part) => sum.add(part));
}

/** Error of order h²: 1e-10 of the third derivative, and rounding 1e-16 / h = 1e-11. */
function differences(leaf: Tensor, value: () => number, h = 1e-5): number[] {
  const values = Float64Array.from(leaf.toNumbers());
  return Array.from(values, (center, k) => {
    const at = (x: number): number => {
      values[k] = x;
      leaf.setBytes(values);
      return value();
    };
    const slope = (at(center + h) - at(center - h)) / (2 * h);
    values[k] = center;
    leaf.setBytes(values);
    return slope;
  });
}
