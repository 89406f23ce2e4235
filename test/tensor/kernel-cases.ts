/** An operator of ours beside ATen's operations in float64, on the same numbers. */
import { expect } from "vitest";
import { gradients } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";

/** Half a unit in the last place of bfloat16, relative. */
export const half = 2 ** -9;

export const normal = (purpose: string, ...shape: number[]): Tensor => new Rng(5, purpose).normal(shape).reshape(shape);
export const leaf = (x: Tensor): Tensor => x.detach().setRequiresGrad(true);
export const exact = (x: Tensor): Tensor => leaf(x.to("float64"));

export const largest = (x: Tensor): number => x.abs().flatten().amax([0]).item();

/** Largest difference over the largest value. */
export function difference(actual: Tensor, expected: Tensor): number {
  expect(actual.shape).toEqual(expected.shape);
  return largest(actual.to("float64").sub(expected)) / largest(expected);
}

export interface Case {
  readonly ours: (...inputs: Tensor[]) => Tensor;
  /** The same of ATen's operations, for float64. */
  readonly theirs: (...inputs: Tensor[]) => Tensor;
  readonly inputs: readonly Tensor[];
  readonly tolerance: number;
  /** Of the inputs' gradients, where they are not those of the result. */
  readonly gradientTolerances?: readonly number[];
}

/** Value and gradients beside ATen's in float64 on the same, already rounded numbers. */
export function compare({ ours, theirs, inputs, tolerance, gradientTolerances }: Case): void {
  const given = inputs.map(leaf);
  const wide = inputs.map(exact);
  const [actual, expected] = [ours(...given), theirs(...wide)];
  expect(difference(actual, expected)).toBeLessThan(tolerance);
  const incoming = normal("incoming", ...actual.shape).to(actual.dtype);
  const found = gradients([actual], given, [incoming]);
  const wanted = gradients([expected], wide, [incoming.to("float64")]);
  for (const [i, gradient] of found.entries()) {
    expect(gradient?.dtype).toBe(given[i]?.dtype);
    expect(difference(gradient as Tensor, wanted[i] as Tensor)).toBeLessThan(gradientTolerances?.[i] ?? tolerance);
  }
}

export function writtenOut(qkv: Tensor, heads: number): Tensor {
  const [B = 0, N = 0, W = 0] = qkv.shape;
  const d = W / 3 / heads;
  const [q, k, v] = qkv.reshape([B, N, 3, heads, d]).permute([2, 0, 3, 1, 4]).unbind(0) as [Tensor, Tensor, Tensor];
  const scores = q.matmul(k.transpose(-2, -1)).mul(d ** -0.5);
  return scores
    .softmax(-1)
    .matmul(v)
    .transpose(1, 2)
    .reshape([B, N, W / 3]);
}
