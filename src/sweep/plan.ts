/** What each point would cost, and the order in which they are run. */
import { openSource } from "../data/source.js";
import { costOf } from "../plan/cost.js";
import { forecast } from "../plan/forecast.js";
import { recordRun, runMemory } from "../plan/predict.js";
import { derive, type RunConfig } from "../train/config.js";
import { settleMachine } from "../train/loop/environment.js";
import { inOrder } from "./order.js";
import type { ResolvedPoint, ResolvedSweep } from "./resolve.js";

/** A point with what its training costs. */
export interface PlannedPoint extends ResolvedPoint {
  /** Multiply-adds of its whole training, forward and backward; of one picture an epoch while `pictures` is not known. */
  readonly cost: number;
  readonly steps: number | undefined;
  /** Bytes of parameters, optimiser and a step, as planned; what the process takes besides is the same for all. */
  readonly memory: number;
}

/** All points in the order in which they are run, with their costs. */
export interface SweepPlan {
  /** In the order in which they are run. */
  readonly points: readonly PlannedPoint[];
  /** Why costs are of one picture an epoch; undefined where all is known. */
  readonly failure: Error | undefined;
}

/**
 * Builds every point's model without allocating it, so that what does not fit together is an error now.
 * @param given pictures of the training set, where it is not here
 * @throws ConfigError naming the point
 */
export async function planSweep({ sweep, points }: ResolvedSweep, given?: number): Promise<SweepPlan> {
  const planned: PlannedPoint[] = [];
  const sizes = new Map<string, Promise<number>>();
  const costs = new Map<string, number>();
  let failure: Error | undefined;
  for (const { point, config } of points) {
    try {
      const { model, method, data } = config;
      const shape = JSON.stringify([model, method, data.imageSize, data.channels]);
      const step = once(costs, shape, () => costOf(config).step);
      const { batchSize } = data;
      const memory = once(costs, `memory of ${shape} ${batchSize}`, () => memoryOf(config));
      const pictures =
        given ?? (await once(sizes, JSON.stringify(data.source), () => sizeOf(config)).catch((error: Error) => error));
      if (pictures instanceof Error) failure ??= pictures;
      planned.push({ point, config, memory, ...runCost(config, step, pictures) });
    } catch (error) {
      if (error instanceof Error) error.message = `${error.message} (point ${point.id})`;
      throw error;
    }
  }
  return { points: inOrder(planned, sweep.axes), failure };
}

function memoryOf(config: RunConfig): number {
  const { precision } = settleMachine(config);
  return runMemory(recordRun(config, precision), config, precision, 0).totalBytes;
}

/** @param step multiply-adds of a training step for one picture */
function runCost(
  config: RunConfig,
  step: number,
  pictures: number | Error,
): { cost: number; steps: number | undefined } {
  if (pictures instanceof Error) return { cost: step * config.epochs, steps: undefined };
  const { steps, effectiveBatch } = derive(config, pictures);
  return { cost: step * steps * effectiveBatch, steps };
}

async function sizeOf(config: RunConfig): Promise<number> {
  return (await openSource(config.data.source)).size;
}

/** Seconds of each point's training on this machine, as `lacuna plan` predicts them; undefined where pictures are not known. */
export function timesOf(
  { points }: SweepPlan,
  tell: (line: string) => void = () => undefined,
): ReadonlyMap<string, number | undefined> {
  const steps = new Map<string, number>();
  const times = new Map<string, number | undefined>();
  for (const { point, config, steps: count } of points) {
    const same = JSON.stringify({ ...config, seed: 0, epochs: 0 }); // what makes no step longer
    const step = () => once(steps, same, () => forecast(config, { tell }).stepSeconds);
    times.set(point.id, count === undefined ? undefined : count * step());
  }
  return times;
}

function once<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}
