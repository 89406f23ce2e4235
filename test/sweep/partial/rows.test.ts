import { expect, test } from "vitest";
import { bestRows, type PartialPoint, rowOf } from "../../../src/sweep/partial/rows.js";

function point(top1: number, changes: { epochs?: number; meanPerClass?: number; blocks?: string } = {}): PartialPoint {
  const { epochs = 50, blocks = "4", meanPerClass } = changes;
  const scores = { top1, top5: 0.9, ...(meanPerClass === undefined ? {} : { meanPerClass }) };
  const last = { epoch: epochs, step: 8, scores, interval: [top1 - 0.1, top1 + 0.1] as const };
  const best = { epoch: 10, step: 2, scores: { top1: 0.8 } };
  return { blocks, epochs, folder: `runs/${blocks}-${top1}`, accuracy: { last, best } };
}

test("one seed has an interval, several have mean and sample standard deviation", () => {
  const alone = rowOf([point(0.6, { meanPerClass: 0.5 })]);
  expect(alone).toMatchObject({ blocks: "4", epochs: 50, mean: 0.6, top5: 0.9, best: 0.8, meanPerClass: 0.5 });
  expect(alone.interval).toEqual([0.5, 0.7]);
  const several = rowOf([point(0.5), point(0.7, { meanPerClass: 0.5 })]);
  expect(several.mean).toBeCloseTo(0.6, 12);
  expect(several.deviation).toBeCloseTo(Math.sqrt(2) / 10, 12);
  expect(several.folders).toEqual(["runs/4-0.5", "runs/4-0.7"]);
  expect(several).not.toHaveProperty("interval");
  expect(several).not.toHaveProperty("meanPerClass"); // one of them does not know it
});

test("the curve has the best length of each number of blocks", () => {
  const [short, long, other] = [point(0.5), point(0.6, { epochs: 200 }), point(0.4, { blocks: "all" })].map((one) =>
    rowOf([one]),
  );
  expect(bestRows([short, long, other].flatMap((row) => row ?? []))).toEqual([long, other]);
});
