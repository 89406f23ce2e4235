/** The weights of one direction: which positions of the input make up each position of the output, and how much of each. */

/** For each output position: the first input position, how many, and that many fixed-point weights at `stride` * position. */
export interface Weights {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly values: Int32Array;
  readonly stride: number;
}

/** Bits after the point: 32 less 8 of a pixel less 2 for sums beyond the range (Resample.c, PRECISION_BITS). */
export const PRECISION = 22;
const ONE = 2 ** PRECISION;

/** Pillow's names for its filters, in lower case. All of them widen when a picture shrinks. */
export const INTERPOLATIONS = ["bicubic", "bilinear", "lanczos"] as const;
export type Interpolation = (typeof INTERPOLATIONS)[number];

/** Keys' cubic with a = −0.5, in the order of operations of Resample.c, on which the last bit depends. */
function bicubic(x: number): number {
  const distance = Math.abs(x);
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * -0.5;
  return 0;
}

function triangle(x: number): number {
  return Math.max(0, 1 - Math.abs(x));
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** A sinc in the window of a wider one, three lobes. */
function lanczos(x: number): number {
  return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

interface Filter {
  /** Distance in pixels from which on the weight is zero. */
  readonly support: number;
  readonly at: (distance: number) => number;
}

const filters: Readonly<Record<Interpolation, Filter>> = {
  bicubic: { support: 2, at: bicubic },
  bilinear: { support: 1, at: triangle },
  lanczos: { support: 3, at: lanczos },
};

/** Weights that map `inputSize` positions, seen from `start` to `end`, to `outputSize`. Edges are float32 in Pillow. */
function computeWeights(inputSize: number, start: number, end: number, outputSize: number, filter: Filter): Weights {
  const from = Math.fround(start);
  const scale = Math.fround(Math.fround(end) - from) / outputSize;
  const widening = Math.max(scale, 1);
  const support = filter.support * widening;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(outputSize);
  const count = new Int32Array(outputSize);
  const values = new Int32Array(outputSize * stride);
  const raw = new Float64Array(stride);
  const inverse = 1 / widening;
  for (let position = 0; position < outputSize; position++) {
    const centre = from + (position + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const taps = Math.min(inputSize, Math.trunc(centre + support + 0.5)) - low;
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const weight = filter.at((tap + low - centre + 0.5) * inverse);
      raw[tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < taps; tap++) {
      const weight = sum === 0 ? (raw[tap] as number) : (raw[tap] as number) / sum;
      values[position * stride + tap] = Math.trunc(weight < 0 ? weight * ONE - 0.5 : weight * ONE + 0.5);
    }
    first[position] = low;
    count[position] = taps;
  }
  return { first, count, values, stride };
}

/** Crops of small pictures come in few sizes: their tables would cost as much as the resampling. */
const CACHED_TABLES = 512;
const cachedWeights = new Map<number, Weights>();

/** As `computeWeights`, remembered for whole pictures. */
export function weightsOf(
  inputSize: number,
  start: number,
  end: number,
  outputSize: number,
  interpolation: Interpolation = "bicubic",
): Weights {
  const filter = filters[interpolation];
  if (start !== 0 || end !== inputSize) return computeWeights(inputSize, start, end, outputSize, filter);
  const key = (INTERPOLATIONS.indexOf(interpolation) * 2 ** 20 + inputSize) * 2 ** 20 + outputSize;
  let weights = cachedWeights.get(key);
  if (weights === undefined) {
    weights = computeWeights(inputSize, 0, inputSize, outputSize, filter);
    if (cachedWeights.size >= CACHED_TABLES) cachedWeights.clear();
    cachedWeights.set(key, weights);
  }
  return weights;
}
