/** A pace that has seen some steps. */
import { Pace } from "../../../src/train/watch/pace.js";

export const stepEventOf = (step: number, loss: number, extra: { seconds?: number; waitSeconds?: number } = {}) => ({
  type: "step" as const,
  step,
  epoch: step / 10,
  loss,
  learningRate: 6e-4,
  gradNorm: 1,
  samples: step * 64,
  seconds: extra.seconds ?? 0.5,
  waitSeconds: extra.waitSeconds ?? 0.05,
});

/** A clock by which each step takes a second, half of it between steps. */
export function paced(steps: number) {
  let now = 0;
  const pace = new Pace({ steps: 100, epochs: 10, batch: 64 }, () => now);
  for (let step = 1; step <= steps; step++) {
    now += 1000;
    pace.add(stepEventOf(step, 2));
  }
  return pace;
}
