import { expect, test } from "vitest";
import { showMeasuring, showShare } from "../../../src/cli/measure/progress.js";

test("how far it is, and what is told before a wait", () => {
  const told: unknown[] = [];
  const show = showMeasuring({ update: (...what) => told.push(what), begin: (text) => told.push(text) });
  show({ stage: "features", encoder: "raw pixels", side: "test", done: 500, total: 2000 });
  show({ stage: "classify", encoder: "raw pixels", measures: ["knn", "linear"], k: 5 });
  expect(told).toEqual([
    [0.25, "raw pixels: features to judge: 500 of 2,000 pictures"],
    "raw pixels: 5-NN, linear probe …",
  ]);
});

test("a share is told in pictures", () => {
  const told: unknown[] = [];
  showShare({ update: (...what) => told.push(what) }, { size: 2000 })(0.75);
  expect(told).toEqual([[0.75, "1,500/2,000 pictures"]]);
});
