import { ConfigError } from "../errors.js";
import { binding } from "./binding.js";
import { guarded } from "./dispatch.js";

/** 32-bit FNV-1a of a text. */
function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * Philox's key from a seed (an integer below 2^53) and what the numbers are for.
 * @throws ConfigError for any other seed: two seeds must not silently be one
 */
export function philoxKey(seed: number, purpose: string): [number, number] {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    const expected = `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`;
    throw new ConfigError({
      problem: `expected ${expected}, got ${seed}.`,
      code: "seed",
      path: "seed",
      expected,
      actual: seed,
    });
  }
  const high = Math.floor(seed / 2 ** 32);
  return [((seed >>> 0) ^ fnv1a32(purpose)) >>> 0, ((high >>> 0) ^ fnv1a32(`lacuna:${purpose}`)) >>> 0];
}

/** Which numbers: everything random is keyed by these, never drawn from a stream. */
export interface RandomKey {
  readonly seed: number;
  readonly purpose: string;
  readonly epoch: number;
  /** One row of the tensor for each. */
  readonly samples: readonly number[];
}

/** Fills a contiguous float32 tensor [R …] on the CPU; row r depends on (seed, purpose, epoch, samples[r]) alone. */
export function fillRandom(id: number, key: RandomKey, kind: "uniform" | "normal"): void {
  const [key0, key1] = philoxKey(key.seed, key.purpose);
  guarded("fillRandom", [], () => binding().fillRandom(id, key0, key1, key.epoch, key.samples, kind === "normal"));
}
