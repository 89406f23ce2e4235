import { ConfigError } from "../errors.js";
/**
 * Keyed randomness: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011;
 * reference code and known answers: Random123). A number is a pure function of (seed, purpose, epoch, sample, index), so
 * a run gives the same pictures whatever the number of workers, and a resumed run needs no stored generator state.
 * native/random.cc computes the same function for tensors.
 */

/** What a row of random numbers belongs to. The i-th number of a row depends on these four and on i alone. */
export interface RandomKey {
  /** Whole number in 0 … 2^53 − 1; all its bits count. */
  readonly seed: number;
  /** What the numbers are for ("order", "view:image", …): different purposes give independent rows. */
  readonly purpose: string;
  readonly epoch: number;
  readonly sample: number;
}

type Words4 = [number, number, number, number];

const ROUNDS = 10;
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
/** The golden ratio and √3 − 1, each times 2^32: what the key grows by each round (Random123, philox.h). */
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** High 32 bits of an unsigned 32 × 32 bit product, from 16-bit halves: every partial sum stays exact below 2^53. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const low = aLow * bHigh + (middle % 0x10000);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(low / 0x10000)) >>> 0;
}

/** One block of Philox4x32-10: four uint32 of counter and two of key give four uint32 of random bits. */
export function philox(counter: readonly [number, number, number, number], key: readonly [number, number]): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** FNV-1a, 32 bits, of the text's UTF-8 bytes (Fowler, Noll and Vo; offset basis and prime are theirs). */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * The Philox key of (seed, purpose): the seed's low and high 32 bits, each mixed with a hash of the purpose.
 * @throws ConfigError unless the seed is a whole number in 0 … 2^53 − 1.
 */
export function keyOf(seed: number, purpose: string): [number, number] {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    const expected = `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`;
    throw new ConfigError({ code: "seed", path: "seed", expected, actual: seed });
  }
  const high = Math.floor(seed / 0x100000000);
  return [(seed ^ fnv1a32(purpose)) >>> 0, (high ^ fnv1a32(`lacuna:${purpose}`)) >>> 0];
}

/**
 * The row of numbers of one key, taken one after the other. Number i is word (i & 3) of the block with
 * counter (i >> 2, 0, sample, epoch).
 */
export class KeyedRandom {
  readonly #key: [number, number];
  readonly #sample: number;
  readonly #epoch: number;
  #block: Words4 = [0, 0, 0, 0];
  #next = 0;

  constructor(key: RandomKey) {
    this.#key = keyOf(key.seed, key.purpose);
    this.#sample = key.sample >>> 0;
    this.#epoch = key.epoch >>> 0;
  }

  /** 32 random bits as an unsigned number. */
  word(): number {
    const position = this.#next & 3;
    if (position === 0) this.#block = philox([this.#next / 4, 0, this.#sample, this.#epoch], this.#key);
    this.#next++;
    return this.#block[position] as number;
  }

  /** A number in [0, 1) with 24 bits, so that it is the same in float32 and float64. */
  uniform(): number {
    return (this.word() >>> 8) * 2 ** -24;
  }

  /** Standard normal (Box and Muller 1958), from two numbers; the first is moved off 0 by half a step. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(this.uniform() + 2 ** -25));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A whole number in 0 … n − 1. Above n = 2^24 some values are never drawn: the number comes from one `uniform`. */
  integer(n: number): number {
    return Math.floor(this.uniform() * n);
  }
}
