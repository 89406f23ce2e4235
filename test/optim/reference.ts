import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { NamedTensor, Optimizer } from "../../src/optim/optimizer.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";

/** What test/reference/make_optim.py wrote: PyTorch's results. */
export interface OptimReference {
  readonly rates: readonly number[];
  readonly shapes: readonly (readonly number[])[];
  readonly adamw: readonly (readonly number[])[];
  readonly sgd: Readonly<
    Record<string, { options: { momentum: number; nesterov: boolean; weight_decay: number }; after: number[][] }>
  >;
  readonly clip: readonly { maximum: number; norm: number; gradients: (number[] | null)[] }[];
  readonly average: { decay: number; steps: number; after: number[][] };
}
export const reference: OptimReference = JSON.parse(
  readFileSync(new URL("../reference/optim.json", import.meta.url), "utf8"),
);

function fill(shape: readonly number[], value: (i: number) => number): Tensor {
  const count = shape.reduce((product, side) => product * side, 1);
  return tensor(
    Float32Array.from({ length: count }, (_, i) => value(i)),
    shape,
  );
}

/** The script's parameters: p0 [3 4], p1 [4], p2 [2 2]. */
export function parameters(): NamedTensor[] {
  return reference.shapes.map((shape, p) => ({
    name: `p${p}`,
    tensor: fill(shape, (i) => Math.sin(i + 10 * p) / 2).setRequiresGrad(true),
  }));
}

/** The script's gradients of step t; the third parameter has none at step 1. */
export function setGradients(named: readonly NamedTensor[], t: number): void {
  for (const [p, { tensor: parameter }] of named.entries()) {
    using gradient = fill(parameter.shape, (i) => Math.cos(0.7 * i + 1.3 * t + p) / 3);
    parameter.grad = p === 2 && t === 1 ? undefined : gradient;
  }
}

/** The script's groups: the matrices decayed at half the rate, the vector neither. */
export function twoGroups([matrix, vector, small]: readonly NamedTensor[], weightDecay: number) {
  return [
    { tensors: [matrix as NamedTensor, small as NamedTensor], weightDecay, learningRateScale: 0.5 },
    { tensors: [vector as NamedTensor], weightDecay: 0, learningRateScale: 1 },
  ];
}

/** Steps `from` … of the script's run. */
export function run(optimizer: Optimizer, named: readonly NamedTensor[], from = 0, to = reference.rates.length): void {
  for (let t = from; t < to; t++) {
    setGradients(named, t);
    optimizer.step(reference.rates[t] as number);
  }
}

export function expectValues(
  named: readonly NamedTensor[],
  values: readonly (readonly number[])[],
  tolerance = 3e-7,
): void {
  for (const [p, { name, tensor: parameter }] of named.entries()) {
    for (const [i, value] of parameter.toNumbers().entries()) {
      expect(Math.abs(value - (values[p]?.[i] as number)), `${name}[${i}]`).toBeLessThan(tolerance);
    }
  }
}

export function dispose(named: readonly NamedTensor[]): void {
  for (const { tensor: parameter } of named) parameter.dispose();
}
