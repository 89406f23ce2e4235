import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { confusedPairs, scoresOf } from "../../../src/evaluate/classifier/scores.js";

/** Values that are largest for `order[0]`, next for `order[1]`, … */
const ranked = (...order: number[]): number[] => order.map((_, label) => order.length - order.indexOf(label));

test("by hand: seven classes, five pictures", () => {
  const rows = [
    ranked(0, 1, 2, 3, 4, 5, 6), // 0: right
    ranked(1, 0, 2, 3, 4, 5, 6), // 0: second
    ranked(1, 2, 3, 4, 5, 6, 0), // 0: last, out of five
    ranked(1, 2, 3, 4, 0, 5, 6), // 1: right
    ranked(2, 1, 3, 4, 5, 6, 0), // 6: sixth
  ];
  const scores = scoresOf(Float32Array.from(rows.flat()), [0, 0, 0, 1, 6], 7);
  expect(scores).toMatchObject({ pictures: 5, top1: 2 / 5, top5: 3 / 5 });
  expect(scores.meanPerClass).toBeCloseTo((1 / 3 + 1 + 0) / 3, 12);
  expect(scores.perClass[0]).toEqual({ accuracy: 1 / 3, precision: 1, pictures: 3 });
  expect(scores.perClass[1]).toEqual({ accuracy: 1, precision: 1 / 3, pictures: 1 });
  expect(scores.perClass[3]).toEqual({ accuracy: Number.NaN, precision: Number.NaN, pictures: 0 });
  expect(scores.confusion[0]).toEqual([1, 2, 0, 0, 0, 0, 0]);
  expect(scores.confusion[6]).toEqual([0, 0, 1, 0, 0, 0, 0]);
});

test("equal values: the lower class comes first, so that a constant classifier is right for class 0 alone", () => {
  const scores = scoresOf(new Float32Array(12), [0, 1, 2], 4);
  expect(scores.top1).toBe(1 / 3);
  expect(scores.top5).toBe(1);
});

test("pairs, the most frequent mistake first", () => {
  const confusion = [
    [5, 3, 0],
    [1, 9, 0],
    [0, 3, 0],
  ];
  const perClass = [8, 10, 3].map((pictures) => ({ pictures, accuracy: 0, precision: 0 }));
  expect(confusedPairs({ confusion, perClass }, 2)).toEqual([
    { truth: 0, predicted: 1, count: 3, share: 3 / 8 },
    { truth: 2, predicted: 1, count: 3, share: 1 },
  ]);
});

test("values that do not fit the labels are refused", () => {
  expect(() => scoresOf(new Float32Array(5), [0, 1], 3)).toThrow("3 values for each of 2 pictures, got 5");
});

test("scikit-learn's numbers, for classes of different sizes and one without pictures", () => {
  const path = new URL("../../reference/scores.json", import.meta.url);
  const reference = JSON.parse(readFileSync(path, "utf8"));
  const scores = scoresOf(Float32Array.from(reference.values.flat()), reference.labels, reference.classes);
  expect(scores.confusion).toEqual(reference.confusion);
  for (const name of ["top1", "top5", "meanPerClass"] as const) expect(scores[name]).toBeCloseTo(reference[name], 12);
  for (const [label, recall] of reference.recall.entries()) {
    expect(scores.perClass[label]?.accuracy).toBeCloseTo(recall, 12);
    expect(scores.perClass[label]?.precision).toBeCloseTo(reference.precision[label], 12);
  }
});
