import { expect, test } from "vitest";
import { comparison, measuredTable, penaltyLines, tableNote } from "../../../src/cli/measure/comparison.js";
import type { Measured } from "../../../src/public/evaluate.js";

/** The first `found` of the pictures are right. */
function row(name: string, found: number, pictures: number): Measured {
  const right = Uint8Array.from({ length: pictures }, (_, i) => (i < found ? 1 : 0));
  const knn = found / pictures;
  return { name, dimensions: 1, seconds: 0, pictures, knn, meanPerClass: { knn: 0.25 }, right: { knn: right } };
}

test("accuracies stand with their intervals and their means per class", () => {
  // scipy 1.17: binomtest(396, 1000).proportion_ci(0.95, method="wilson")
  const both = { ...row("raw pixels", 396, 1000), linear: 0.396, meanPerClass: { knn: 0.25, linear: 0.31 } };
  expect(measuredTable([both], ["knn", "linear"], 20)).toEqual([
    ["accuracy", "20-NN", "per class", "linear probe", "per class"],
    ["raw pixels", "39.6 % (36.6–42.7)", "25.0 %", "39.6 % (36.6–42.7)", "31.0 %"],
  ]);
  expect(tableNote(1000)).toContain("by 1,000 judged pictures");
});

test("says plainly when features are no better than pixels", () => {
  const rows = (pixels: number, before: number, after: number) =>
    [pixels, before, after].map((found) => row("", found, 1000));
  expect(comparison(rows(396, 301, 380), "knn")).toMatch(
    /^Training gained 7\.9 points \([\d.]+ to [\d.]+\)\. The features are no better than raw pixels yet: 1\.6 points below \(/,
  );
  expect(comparison(rows(396, 301, 410), "knn")).toMatch(/The features are 1\.4 points better than raw pixels \(/);
  expect(comparison(rows(396, 301, 300), "knn")).toMatch(/^Training lost 0\.1 points, which may be chance/);
  // 4 of 81 pictures more, none lost: by hand, half a picture more in each of the four cells
  const few = [row("", 8, 81), row("", 0, 81), row("", 4, 81)];
  expect(comparison(few, "knn")).toMatch(/^Training gained 4\.9 points, which may be chance \(−0\.4 to 10\.0\)/);
});

test("chosen penalties, and where a wider search might find better ones", () => {
  const linear = { ...row("pixels", 1, 2), penalty: 0.01, penaltyEdge: "weakest" as const };
  expect(penaltyLines([linear])).toEqual(["Penalties: pixels 0.01.", expect.stringContaining("the weakest penalty")]);
  expect(penaltyLines([row("pixels", 1, 2)])).toEqual([]);
});
