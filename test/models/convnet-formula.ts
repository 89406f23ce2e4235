import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { expect } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { outside } from "../../src/engine/scope.js";
import type { Module } from "../../src/nn/module.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { uniform } from "./published/formula.js";

/** What make_convnets.py keeps of a tensor: values evenly spaced, and the largest. */
export interface Some {
  readonly shape: readonly number[];
  readonly step: number;
  readonly values: readonly number[];
  readonly largest: number;
}

export interface Convnets {
  readonly convnextV2: Readonly<Record<string, { readonly maps: readonly Some[]; readonly features: Some }>>;
  readonly "convnextV2 gradients": Readonly<Record<string, Some>>;
  readonly resnet: Readonly<
    Record<
      string,
      {
        readonly evaluated: { readonly maps: readonly Some[]; readonly features: Some };
        readonly trained: {
          readonly features: Some;
          readonly gradients: Readonly<Record<string, Some>>;
          readonly buffers: Readonly<Record<string, Some>>;
        };
      }
    >
  >;
  readonly "resnet parameters": Readonly<Record<string, number>>;
}

export const convnets = JSON.parse(
  readFileSync(new URL("../reference/convnets.json", import.meta.url), "utf8"),
) as Convnets;

const period = 1_048_573;
let unscaled: Float64Array | undefined;
const tables = new Map<string, Float32Array>();

function table(scale: number, shift: number): Float32Array {
  const key = `${scale} ${shift}`;
  unscaled ??= uniform("table", period);
  const found = tables.get(key) ?? new Float32Array(unscaled.map((value) => shift + scale * value));
  tables.set(key, found);
  return found;
}

/** Numbers of a table, from a place that the name says, again and again. */
function numbers(name: string, count: number, scale = 1, shift = 0): Float32Array {
  const scaled = table(scale, shift);
  const made = new Float32Array(count);
  let [at, from] = [0, crc32(name) % period];
  while (at < count) {
    const part = scaled.subarray(from, from + count - at);
    made.set(part, at);
    at += part.length;
    from = 0;
  }
  return made;
}

const product = (sides: readonly number[]): number => sides.reduce((a, b) => a * b, 1);

/** A tensor of any model that make_convnets.py and make_layouts.py fill. */
export function made(name: string, shape: readonly number[]): Float32Array {
  const [count, end] = [product(shape), name.split(".").at(-1)];
  if (end === "running_var") return numbers(name, count, 0.5, 1);
  if (end === "gamma" || end === "beta") return numbers(name, count, 0.5);
  if (shape.length === 1) return end === "weight" ? numbers(name, count, 0.25, 1) : numbers(name, count, 0.125);
  return numbers(name, count, 1.5 / Math.sqrt(product(shape.slice(1))));
}

/** Gives every tensor of a model the formula's numbers. */
export function fill(model: Module<never[], unknown>): void {
  noGrad(() => {
    for (const [name, parameter] of model.state()) parameter.setBytes(made(name, parameter.shape));
  });
}

/** Pictures [B 3 side side]; make_convnets.py has the same. */
export function pictures(batch: number, side: number): Tensor {
  const values = uniform("image", batch * 3 * side * side).map((value) => 1.5 * value);
  return tensor(Float32Array.from(values), [batch, 3, side, side]);
}

/** Σ x · w with fixed weights: a scalar whose gradient says something of every element. */
export function weighted(x: Tensor): Tensor {
  return x.mul(tensor(numbers("weights", x.size), x.shape)).sum();
}

/** Runs `body` while the parameters of a model are float64, with the same values; their own are untouched and back afterwards. */
export function inDouble<R>(model: Module<never[], unknown>, body: () => R): R {
  const swapped = [...model.state().values()].map((parameter) => {
    const double = noGrad(() => outside(() => parameter.to("float64")));
    if (parameter.requiresGrad) double.setRequiresGrad(true);
    return { parameter, double, own: parameter.id };
  });
  try {
    for (const { parameter, double } of swapped) parameter.id = double.id;
    return body();
  } finally {
    for (const { parameter, double, own } of swapped) {
      parameter.id = own;
      double.dispose();
    }
  }
}

/** max |a − b| over the values kept ≤ tolerance × the largest. */
export function expectSome(ours: Tensor, theirs: Some, tolerance: number, what: string): void {
  expect(ours.shape, what).toEqual(theirs.shape);
  const values = ours.detach().flatten().toArray();
  const apart = theirs.values.map((value, i) => Math.abs(value - Number(values[i * theirs.step])));
  expect(Math.max(...apart) / theirs.largest, what).toBeLessThan(tolerance);
}
