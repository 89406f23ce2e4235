import { expect, test } from "vitest";
import {
  hasEnded,
  healthy,
  jumping,
  notFinite,
  type Setting,
  stuck,
  tooEarly,
  unsettled,
} from "../../src/inspect/loss.js";
import { type Shape, shapeOf } from "../../src/inspect/shape.js";
import { startEvent, stepEvent } from "../runs/example.js";

const culprit = { suspect: "learning-rate", cause: "The rate is too high." } as const;
const flat = Array.from({ length: 300 }, (_, i) => stepEvent(i + 1, { loss: 0.98 }));
const shape = shapeOf(flat.map(({ loss }) => loss)) as Shape;

test("what the evidence points to is the first cause", () => {
  const setting: Setting = { warmup: 20, baseline: 0.979, answer: undefined, ended: true, culprit };
  expect(stuck(flat, shape, setting, {})).toMatchObject({ status: "predict-the-mean", suspect: "learning-rate" });
  expect(stuck(flat, shape, setting, {})?.causes[0]).toBe(culprit.cause);
  expect(stuck(flat, shape, setting, {})?.causes.join()).not.toContain("too low");
  expect(stuck(flat, shape, { ...setting, culprit: undefined }, {})).not.toHaveProperty("suspect");
  expect(jumping(4, culprit)?.causes[0]).toBe(culprit.cause);
  expect(jumping(2, culprit)).toBeUndefined();
  const broken = [...flat, stepEvent(301, { loss: Number.NaN })];
  expect(notFinite(broken, broken, culprit, {})).toMatchObject({ status: "diverged", suspect: "learning-rate" });
});

test("too early, healthy, ended", () => {
  expect(tooEarly(flat, shape, { ended: false }, { steps: 300 })).toBeUndefined();
  expect(tooEarly(flat.slice(0, 50), shape, { ended: false }, { steps: 50 })?.headline).toContain(
    "50 steps of the 100",
  );
  expect(tooEarly(flat.slice(0, 50), shape, { ended: true }, { steps: 50 })?.headline).toContain("too short to judge");
  const unknown: Setting = { warmup: 20, baseline: undefined, answer: undefined, ended: false, culprit: undefined };
  const fallen = { ...shape, first: 2, recent: 0.5 };
  expect(healthy(fallen, unknown).headline).toBe("The run looks normal: the loss fell from 2 to 0.5.");
  const known = { ...unknown, baseline: 1.2, answer: "guessing" };
  expect(healthy(fallen, known).headline).toMatch(/, below the 1\.2 of guessing\.$/);
  expect(stuck(flat, shape, { ...known, baseline: 0.979, ended: true }, {})?.headline).toBe(
    "The run does no better than guessing, whose loss is 0.979: its own is 0.98.",
  );
  expect(unsettled(flat, unknown)).toBeUndefined();
  expect(unsettled(flat, { ...unknown, warmup: 250 })?.headline).toContain("the warm-up ended at step 250");
  expect(unsettled(flat, { ...unknown, warmup: 500 })?.headline).toContain("the warm-up lasts until step 500");
  expect(unsettled(flat, { ...unknown, warmup: 500, ended: true })).toBeUndefined();
  expect(hasEnded([startEvent(), { type: "end", step: 3, reason: "finished", seconds: 1 }])).toBe(true);
  expect(hasEnded([{ type: "end", step: 3, reason: "finished", seconds: 1 }, startEvent(3)])).toBe(false);
});
