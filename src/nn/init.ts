import { noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { full, zeros } from "../tensor/creation.js";
import type { Rng } from "../tensor/random.js";
import type { Shape, Tensor } from "../tensor/tensor.js";
import type { Initializer, Parameter } from "./parameter.js";

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

/** Uniform ± 1 / √in, "Kaiming uniform with a = √5": the weight that PyTorch's linear layers and convolutions start with. */
export const kaimingUniform: Initializer = (shape, rng) => uniformFanIn(product(shape.slice(1)))(shape, rng);

/**
 * Normal with variance 2 / out, out being a convolution's outputs times its window: keeps the gradients' size through
 * layers with ReLU (He et al. 2015, section 2.2, backward case; torchvision's ResNets). Weight [O I k k]
 */
export const kaimingNormalFanOut: Initializer = (shape, rng) => {
  const [out = 1, , ...window] = shape;
  return normal(Math.sqrt(2 / (out * product(window))))(shape, rng);
};

/**
 * Normal without what lies further from zero than `bound`: what falls there is drawn again. PyTorch's `trunc_normal_` and
 * timm's cut at ± 2 whatever the deviation, which at 0.02 cuts nothing; JAX's models cut at two deviations.
 */
export function truncatedNormal(deviation: number, bound = 2): Initializer {
  const cut = bound / deviation;
  if (cut < 2) return (shape, rng) => narrowNormal(rng.uniform(shape).reshape(shape), cut).mul(deviation);
  return (shape, rng) => {
    let values = rng.normal(shape).reshape(shape);
    for (let again = 1; again <= redraws(cut); again++) {
      values = values.where(values.abs().le(cut), rng.fork(`again/${again}`).normal(shape).reshape(shape));
    }
    return values.clamp(-cut, cut).mul(deviation);
  };
}

/**
 * uniform in [0, 1) -> normal within ± `cut`, by the inverse of its distribution as Giles has it ("Approximating the erfinv function", 2010,
 * single precision, centre): so near to zero most normal numbers would have to be drawn again and again
 */
function narrowNormal(uniform: Tensor, cut: number): Tensor {
  const x = uniform.mul(2).sub(1).mul(shareWithin(cut)); // of erf
  const w = x.mul(x).neg().add(1).log().neg().sub(2.5);
  const [first = 0, ...others] = erfinvCentre;
  const start = w.mul(0).add(first);
  return others
    .reduce((sum, coefficient) => sum.mul(w).add(coefficient), start)
    .mul(x)
    .mul(Math.SQRT2)
    .clamp(-cut, cut);
}

const erfinvCentre = [
  ...[2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4],
  ...[-1.25372503e-3, -4.17768164e-3, 2.46640727e-1, 1.50140941],
];

/** What share of a normal distribution lies within ± `cut`, by Simpson's rule. */
function shareWithin(cut: number): number {
  const parts = 200;
  const density = (z: number): number => Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI);
  const at = (i: number): number => density((cut * i) / parts) * (i === 0 || i === parts ? 1 : i % 2 === 1 ? 4 : 2);
  return (2 * (cut / parts) * Array.from({ length: parts + 1 }, (_, i) => at(i)).reduce((a, b) => a + b, 0)) / 3;
}

/** Until fewer than one number in 10^12 is left outside; none where the bound is beyond what float32 draws give. */
function redraws(cut: number): number {
  if (cut > 7) return 0;
  const outside = Math.exp(-(cut ** 2) / 2); // at least the probability of |z| > cut
  return Math.ceil(12 / -Math.log10(outside));
}

/** Normal with mean 0 and this deviation. */
export function normal(deviation: number): Initializer {
  return (shape, rng) => rng.normal(shape).reshape(shape).mul(deviation);
}

/** All zeros. */
export const zero: Initializer = (shape) => zeros(shape);

/** All ones. */
export const one: Initializer = (shape) => full(shape, 1);

/**
 * The last layers of the branches of block l, counted from 1, begin √(2 l) times smaller than `first` (BEiT, section 2.5). Which block it is
 * stands in the name that the draw is for. @param before how many blocks there are before those of the name
 */
export function depthScaled(first: Initializer, before = 0): Initializer {
  return (shape, rng) => {
    const place = Number(/(\d+)\.(?:attn|mlp)\.[^/]*$/.exec(rng.purpose)?.[1]);
    return first(shape, rng).div(Math.sqrt(2 * (before + place + 1)));
  };
}

/** First values by the pattern of a parameter's name; the first that fits counts. */
export type FirstValuesByName = readonly (readonly [name: RegExp, first: Initializer])[];

/** Draws parameters anew that are to begin otherwise than their modules do. @param rng is forked by each one's name */
export function drawAnew(state: ReadonlyMap<string, Parameter>, rules: FirstValuesByName, rng: Rng): void {
  for (const [name, parameter] of state) {
    const [, first] = rules.find(([pattern]) => pattern.test(name)) ?? [];
    if (first === undefined || parameter.device === "meta") continue;
    noGrad(() => scope(() => void parameter.copy_(first(parameter.shape, rng.fork(name)))));
  }
}

function uniform(shape: Shape, rng: Rng, bound: number): ReturnType<Initializer> {
  return rng
    .uniform(shape)
    .reshape(shape)
    .mul(2 * bound)
    .sub(bound);
}
