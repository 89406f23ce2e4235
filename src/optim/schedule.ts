import { z } from "zod";
import { ConfigError } from "../errors.js";

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

/** How a learning rate goes on after its warm-up. */
export const rateShapeConfig = z
  .discriminatedUnion("name", [
    z.strictObject({ name: z.literal("cosine") }).describe("a half cosine down to the minimum"),
    z.strictObject({ name: z.literal("linear") }).describe("in a straight line down to the minimum"),
    z.strictObject({ name: z.literal("constant") }),
    z
      .strictObject({
        name: z.literal("steps"),
        at: z
          .array(z.number().gt(0).lt(1))
          .min(1)
          .default([0.6, 0.8])
          .describe("shares of the run at which it falls (MoCo: epochs 120 and 160 of 200)"),
        factor: z.number().gt(0).lt(1).default(0.1),
      })
      .describe("multiplied by a factor at each of some places"),
  ])
  .prefault({ name: "cosine" })
  .describe("how the rate goes on after the warm-up");
/** How a learning rate goes on after its warm-up, defaults filled in. */
export type RateShape = z.output<typeof rateShapeConfig>;

/** The rate at a position, for a schedule of any shape: the warm-up is that of `warmupCosine`. */
export function rateAt(shape: RateShape, schedule: WarmupCosine, position: number): number {
  const { peak, warmup, total, minimum = 0 } = schedule;
  if (shape.name === "cosine" || position < warmup) return warmupCosine(schedule, position);
  if (shape.name === "constant") return peak;
  if (shape.name === "steps")
    return peak * shape.factor ** shape.at.filter((share) => position >= share * total).length;
  return position >= total ? minimum : peak + ((minimum - peak) * (position - warmup)) / (total - warmup);
}

/** A number that changes over a run: a momentum, a temperature, a weight. Written as a number where it does not. */
export const rampConfig = z.union([
  z.number(),
  z.strictObject({
    from: z.number(),
    to: z.number(),
    shape: z.enum(["cosine", "linear"]).default("cosine").describe("half a cosine, or a straight line"),
    over: z.number().gt(0).max(1).default(1).describe("share of the run after which it has arrived, and stays"),
  }),
]);
/** A number that changes over a run, defaults filled in; `rampAt` reads it. */
export type Ramp = z.output<typeof rampConfig>;

/** Schema of a ramp whose values lie between two numbers. */
export const rampBetween = (least: number, most: number): typeof rampConfig =>
  rampConfig.refine(
    (ramp) =>
      (typeof ramp === "number" ? [ramp] : [ramp.from, ramp.to]).every((value) => value >= least && value <= most),
    { error: `expected numbers between ${least} and ${most}` },
  );

/** The value of a ramp where a run stands. @param progress share of the run that is done, 0 to 1 */
export function rampAt(ramp: Ramp, progress: number): number {
  if (typeof ramp === "number") return ramp;
  const { from, to, shape, over } = ramp;
  const share = Math.min(1, progress / over);
  return to + (from - to) * (shape === "cosine" ? 0.5 * (1 + Math.cos(Math.PI * share)) : 1 - share);
}

/** The factor on weight decay where a run stands: by half a cosine from its first value to its last (DINO: from 0.04 to 0.4). */
export function decayScaleAt(
  { weightDecay, finalWeightDecay = weightDecay }: { weightDecay: number; finalWeightDecay?: number | undefined },
  progress: number,
): number {
  if (finalWeightDecay === weightDecay) return 1;
  return rampAt({ from: weightDecay, to: finalWeightDecay, shape: "cosine", over: 1 }, progress) / weightDecay;
}

/** @throws ConfigError where the numbers make no schedule */
export function checkSchedule({ peak, warmup, total, minimum = 0 }: WarmupCosine): void {
  const wrong = (path: string, expected: string, actual: number): never => {
    throw new ConfigError({
      problem: `expected ${expected}, got ${actual}.`,
      code: "schedule",
      path,
      expected,
      actual,
    });
  };
  if (!(total > 0)) wrong("total", "a positive length", total);
  if (!(warmup >= 0 && warmup <= total)) wrong("warmup", `a length between 0 and the total ${total}`, warmup);
  if (!(minimum >= 0 && minimum <= peak)) wrong("minimum", `a rate between 0 and the peak ${peak}`, minimum);
}

/** The linear scaling rule (Goyal et al. 2017): base rates are for 256 pictures a step. */
export function absoluteLearningRate(baseRate: number, effectiveBatch: number): number {
  return (baseRate * effectiveBatch) / 256;
}
