/** A loss curve without its noise, and what can be said of it alone. */
import type { StepEvent } from "../runs/schema.js";
import { median } from "../runs/summary.js";

/** From the three healthy curves in test/reference/cifar10-mae-curve.json and sick ones made from them. */
const limits = {
  /** A rise counts from this share of the best loss … */
  rise: 0.15,
  /** … and this share of what the loss had fallen. */
  riseOfFall: 0.2,
  /** Times the noise between neighbouring windows. */
  noise: 6,
  /** A loss that fell by less than this share does not fall. */
  fall: 0.02,
} as const;

/** Windows into which a curve is cut; each stands for its median, so that single spikes do not count. */
const windows = 40;

/** A curve without its noise. */
export interface Shape {
  readonly levels: readonly number[];
  readonly noise: number;
  readonly first: number;
  readonly best: number;
  readonly bestIndex: number;
  readonly recent: number;
}

/** How often, after the warm-up, the loss rose by more than noise and came back. */
export function countJumps(steps: readonly StepEvent[], warmup: number): number {
  const shape = shapeOf(steps.flatMap(({ step, loss }) => (step > warmup ? [loss] : [])));
  if (shape === undefined) return 0;
  const size = jumpSize(shape);
  let jumps = 0;
  let isUp = false;
  let turn = shape.first; // the lowest level since the last jump, or the highest within one
  for (const level of shape.levels) {
    turn = isUp ? Math.max(turn, level) : Math.min(turn, level);
    if (isUp ? level > turn - size : level < turn + size) continue;
    if (isUp) jumps++;
    isUp = !isUp;
    turn = level;
  }
  return jumps;
}

/**
 * How far a level must rise to count: more than noise, and much of the loss and of what was gained. The gain is counted
 * from the level after a tenth of the run: an untrained model's loss can be many times that of predicting the mean.
 */
export function jumpSize({ best, levels, noise }: Shape): number {
  const begun = levels[Math.floor(levels.length / 10)] ?? best;
  return Math.max(limits.rise * Math.abs(best), limits.riseOfFall * (begun - best), limits.noise * noise);
}

/** Whether the last quarter of the curve still goes down by more than its noise, and by this share of the loss. */
export function isFalling({ levels, recent, noise }: Shape, share: number = limits.fall): boolean {
  const earlier = levels[Math.floor(levels.length * 0.75)] ?? recent;
  return earlier - recent > Math.max(share * Math.abs(recent), 3 * noise);
}

export function shapeOf(losses: readonly number[]): Shape | undefined {
  if (losses.length < 4) return undefined;
  const count = Math.min(windows, losses.length);
  const cuts = Array.from({ length: count + 1 }, (_, i) => Math.floor((i * losses.length) / count));
  const levels = cuts.slice(1).map((end, i) => median(losses.slice(cuts[i], end)));
  const best = levels.reduce((a, b) => Math.min(a, b));
  // Second differences: a steady fall is no noise.
  const bends = levels
    .slice(2)
    .map((level, i) => Math.abs(level - 2 * (levels[i + 1] as number) + (levels[i] as number)));
  const recent = median(levels.slice(-Math.max(1, Math.floor(count / 20))));
  // 1.48: standard deviation over median deviation of a normal distribution; √6: a second difference of three values.
  const noise = (1.48 * median(bends)) / Math.sqrt(6);
  return { levels, noise, first: levels[0] as number, best, bestIndex: levels.indexOf(best), recent };
}

/** Where the warm-up ends: as run.json says, else the step of the highest rate so far. */
export function warmupEnd(steps: readonly StepEvent[], stated: number | undefined): number {
  if (stated !== undefined) return stated;
  return steps.reduce((top, event) => (event.learningRate > top.learningRate ? event : top), {
    step: 0,
    learningRate: Number.NEGATIVE_INFINITY,
  }).step;
}
