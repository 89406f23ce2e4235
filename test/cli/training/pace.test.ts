import { expect, test } from "vitest";
import { paceText } from "../../../src/cli/training/pace.js";
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

test("what matters most comes first; before the first step there is a word", () => {
  expect(paceText(paced(20))).toBe(
    "80 s left · step 20/100 · epoch 2.00/10 · loss 2.0000 · 128 images/s · 10 % waiting · rate 6e-4",
  );
  expect(paceText(paced(0))).toBe("starting");
});
