import { full, zeros } from "../tensor/creation.js";
import type { Rng } from "../tensor/random.js";
import type { Shape } from "../tensor/tensor.js";
import type { Initializer } from "./parameter.js";

const product = (sides: Shape): number => sides.reduce((a, b) => a * b, 1);

/**
 * Uniform ± √(6 / (in + out)) on the weight seen as a matrix [out, the rest] (Glorot and Bengio 2010). A fused qkv
 * weight [3D D] is one matrix, as in the official MAE code: three separate ones get a bound √2 larger.
 */
export const xavierUniform: Initializer = (shape, rng) => {
  const [out = 1, ...rest] = shape;
  return uniform(shape, rng, Math.sqrt(6 / (out + product(rest))));
};

/** The same of `count` matrices stacked in one weight, each by itself: queries, keys and values as MoCo v3 starts them. */
export function stackedXavierUniform(count: number): Initializer {
  return (shape, rng) => {
    const [out = 1, ...rest] = shape;
    return uniform(shape, rng, Math.sqrt(6 / (out / count + product(rest))));
  };
}

/** Uniform ± 1 / √in: the bias that PyTorch's convolution starts with; MAE's patch embedding keeps it. */
export function uniformFanIn(fanIn: number): Initializer {
  return (shape, rng) => uniform(shape, rng, 1 / Math.sqrt(fanIn));
}

export function normal(deviation: number): Initializer {
  return (shape, rng) => rng.normal(shape).reshape(shape).mul(deviation);
}

export const zero: Initializer = (shape) => zeros(shape);

export const one: Initializer = (shape) => full(shape, 1);

function uniform(shape: Shape, rng: Rng, bound: number): ReturnType<Initializer> {
  return rng
    .uniform(shape)
    .reshape(shape)
    .mul(2 * bound)
    .sub(bound);
}
