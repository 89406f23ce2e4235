import { expect, test } from "vitest";
import { comparison, gainText, measuredTable, penaltyLines, tableNote } from "../../../src/cli/measure/comparison.js";
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

test("a gain within its uncertainty is said to be one, a clear one with its interval", () => {
  // 4 of 81 pictures more, none lost: half a picture more in each cell, of 83 pictures, by hand
  expect(gainText(row("", 0, 81), row("", 4, 81), "knn")).toBe("gained 4.9 points, which may be chance (−0.4 to 10.0)");
  expect(gainText(row("", 2000, 10_000), row("", 2100, 10_000), "knn")).toBe("gained 1.0 points (0.8 to 1.2)");
  expect(gainText(row("", 21, 100), row("", 20, 100), "knn")).toBe(
    "lost 1.0 points, which may be chance (−1.7 to 3.7)",
  );
});

test("says plainly when features are no better than pixels", () => {
  const rows = (pixels: number, before: number, after: number) =>
    [pixels, before, after].map((found) => row("", found, 1000));
  expect(comparison(rows(396, 301, 380), "knn")).toMatch(
    /^Training gained 7\.9 points \([\d.]+ to [\d.]+\)\. The features are no better than raw pixels yet: 1\.6 points below \(/,
  );
  expect(comparison(rows(396, 301, 410), "knn")).toMatch(/The features are 1\.4 points better than raw pixels \(/);
  expect(comparison(rows(396, 301, 300), "knn")).toMatch(/^Training lost 0\.1 points, which may be chance/);
});

test("chosen penalties, and where a wider search might find better ones", () => {
  const linear = { ...row("pixels", 1, 2), penalty: 0.01, penaltyEdge: "weakest" as const };
  expect(penaltyLines([linear])).toEqual(["Penalties: pixels 0.01.", expect.stringContaining("the weakest penalty")]);
  expect(penaltyLines([row("pixels", 1, 2)])).toEqual([]);
});
