import { expect, test } from "vitest";
import { forecastRows, remedyText } from "../../../src/cli/training/plan.js";
import type { Forecast } from "../../../src/public/plan.js";

const found: Forecast = {
  imagesPerSecond: 128,
  stepSeconds: 0.5,
  step: { products: 0.3, elements: 0.15, decoding: 0.05, optimizer: 0.0001 },
  memory: { totalBytes: 3e9, peakBytes: 2e9, keptBytes: 1.5e9, stateBytes: 0.5e9 },
  limitBytes: 2e9,
  fits: false,
  isBusy: false,
  remedy: { accumulate: 4, checkpointing: false, totalBytes: 1.2e9 },
};

test("what limits a run comes first; what hardly counts is left out", () => {
  expect(forecastRows(found, 7200)).toEqual([
    ["images a second", "128"],
    ["the whole run takes", "60 min"],
    [
      "a step's time goes to",
      "matrix products 60 %, element-wise work (memory bandwidth) 30 %, reading and augmenting pictures 10 %",
    ],
    ["memory at most", "3.00 GB of 2.00 GB"],
    ["", "weights and optimiser 500.0 MB, a step 2.00 GB (kept for backward 1.50 GB)"],
  ]);
});

test("a measurement beside other work is told as such", () => {
  expect(forecastRows({ ...found, isBusy: true }, undefined).flat()).toContain(
    "measured while other work had the machine: too slow; later plans measure again",
  );
});

test("what would fit, in flags that can be typed", () => {
  expect(remedyText(found)).toBe(
    "It does not fit into 2.00 GB. With --optim.accumulate=4 it takes 1.20 GB, the result being the same.",
  );
  const both = { ...found, remedy: { accumulate: 8, checkpointing: true, totalBytes: 1e9 } };
  expect(remedyText(both)).toContain("With --optim.accumulate=8 --checkpointing=true it takes");
  const { remedy: _, ...none } = found;
  expect(remedyText(none)).toContain("choose a smaller model");
  expect(remedyText({ ...found, fits: true })).toBeUndefined();
});
