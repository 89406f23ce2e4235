import { expect, test } from "vitest";
import { accuracyLine, accuracyLines, scoresText } from "../../../src/cli/training/accuracy.js";
import type { RunEvent } from "../../../src/index.js";
import { heldOutAccuracy, type RunAccuracy, scoresOfRun } from "../../../src/public/runs.js";

const at = (epoch: number, top1: number): RunEvent => {
  const scores = { top1, top5: 0.9, meanPerClass: top1 - 0.1 };
  return { type: "heldOut", step: epoch * 10, epoch, loss: 1, pictures: 40, scores };
};

test("the last epoch is the headline, the best one flatters", () => {
  expect(accuracyLines(heldOutAccuracy([at(2, 0.625), at(4, 0.5)]) as RunAccuracy)).toEqual([
    // scipy 1.17: binomtest(20, 40).proportion_ci(0.95, method="wilson")
    "Accuracy after the last epoch: top-1 50.0 % (35.2–64.8), top-5 90.0 %, per class 40.0 %.",
    "The best epoch was 2 with 62.5 %: chosen on these very pictures, so it flatters.",
  ]);
});

test("averaged weights are told from plain ones", () => {
  const line = accuracyLine(2.5, { top1: 0.5, top5: 0.9, top1Plain: 0.45 });
  expect(line).toBe("epoch 2.5: top-1 50.0 %, top-5 90.0 %; without averaging the weights 45.0 %");
  const earlier: RunEvent = { type: "heldOut", step: 1, epoch: 1, loss: 1, scores: { top1: 0.5, top5: 0.9 } };
  expect(scoresOfRun([earlier]).map(scoresText)).toEqual(["top-1 50.0 %, top-5 90.0 %"]);
});
