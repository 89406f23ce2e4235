import { expect, test } from "vitest";
import { Pace } from "../../../src/train/watch/pace.js";

const event = (step: number, loss: number, extra: { seconds?: number; waitSeconds?: number } = {}) => ({
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
function paced(steps: number) {
  let now = 0;
  const pace = new Pace({ steps: 100, epochs: 10, batch: 64 }, () => now);
  for (let step = 1; step <= steps; step++) {
    now += 1000;
    pace.add(event(step, 2));
  }
  return pace;
}

test("speed counts training, the time left counts the wall clock", () => {
  const pace = paced(20);
  expect(pace.imagesPerSecond).toBeCloseTo(128);
  expect(pace.waitShare).toBeCloseTo(0.1);
  expect(pace.secondsLeft).toBeCloseTo(80);
  expect(pace.share).toBeCloseTo(0.2);
});

test("the loss is smoothed without a bias to its start, and NaN is shown at once", () => {
  const pace = new Pace({ steps: 100, epochs: 10, batch: 64 });
  pace.add(event(1, 3));
  expect(pace.loss).toBeCloseTo(3);
  pace.add(event(2, 1));
  expect(pace.loss).toBeCloseTo((3 * 0.95 + 1) / 1.95);
  pace.add(event(3, Number.NaN));
  expect(pace.loss).toBeNaN();
});
