import { ConfigError } from "../engine/errors.js";

/** A warm-up and a half cosine. `warmup` and `total` are in one unit, epochs or steps; positions may be fractions. */
export interface WarmupCosine {
  /** The rate at the end of the warm-up. */
  readonly peak: number;
  readonly warmup: number;
  readonly total: number;
  /** The rate at the end; 0 unless said. */
  readonly minimum?: number;
}

/**
 * The rate at a position: linear from 0 over the warm-up, then a half cosine down to the minimum, which it keeps
 * (MAE, util/lr_sched.py; called at every optimiser step with the fractional epoch).
 */
export function warmupCosine({ peak, warmup, total, minimum = 0 }: WarmupCosine, position: number): number {
  if (position < warmup) return (peak * position) / warmup;
  if (position >= total) return minimum;
  const progress = (position - warmup) / (total - warmup);
  return minimum + (peak - minimum) * 0.5 * (1 + Math.cos(Math.PI * progress));
}

/** @throws ConfigError where the numbers make no schedule */
export function checkSchedule({ peak, warmup, total, minimum = 0 }: WarmupCosine): void {
  const wrong = (path: string, expected: string, actual: number): never => {
    throw new ConfigError(`expected ${expected}, got ${actual}.`, { code: "schedule", path, expected, actual });
  };
  if (!(total > 0)) wrong("total", "a positive length", total);
  if (!(warmup >= 0 && warmup <= total)) wrong("warmup", `a length between 0 and the total ${total}`, warmup);
  if (!(minimum >= 0 && minimum <= peak)) wrong("minimum", `a rate between 0 and the peak ${peak}`, minimum);
}

/** The linear scaling rule (Goyal et al. 2017): base rates are for 256 pictures a step. */
export function absoluteLearningRate(baseRate: number, effectiveBatch: number): number {
  return (baseRate * effectiveBatch) / 256;
}
