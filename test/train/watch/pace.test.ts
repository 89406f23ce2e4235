import { expect, test } from "vitest";
import { Pace } from "../../../src/train/watch/pace.js";
import { paced, stepEventOf } from "./paced.js";

test("speed counts training, the time left counts the wall clock", () => {
  const pace = paced(20);
  expect(pace.imagesPerSecond).toBeCloseTo(128);
  expect(pace.waitShare).toBeCloseTo(0.1);
  expect(pace.secondsLeft).toBeCloseTo(80);
  expect(pace.share).toBeCloseTo(0.2);
});

test("the loss is smoothed without a bias to its start, and NaN is shown at once", () => {
  const pace = new Pace({ steps: 100, epochs: 10, batch: 64 });
  pace.add(stepEventOf(1, 3));
  expect(pace.loss).toBeCloseTo(3);
  pace.add(stepEventOf(2, 1));
  expect(pace.loss).toBeCloseTo((3 * 0.95 + 1) / 1.95);
  pace.add(stepEventOf(3, Number.NaN));
  expect(pace.loss).toBeNaN();
});
