import fc from "fast-check";
import { expect, test } from "vitest";
import {
  chooseLabelled,
  type LabelChoice,
  labelChoiceSchema,
  meanPerClass,
  sharesText,
} from "../../../src/data/sources/labelled.js";

const labelsOf = (sizes: readonly number[]): number[] => {
  const labels = sizes.flatMap((size, label) => Array<number>(size).fill(label));
  return labels.map((_, i) => labels[(i * 7919) % labels.length] as number); // mixed: 7919 is prime
};

function countsOf(labels: readonly number[], chosen: Int32Array): number[] {
  const counts = Array<number>(labels.reduce((a, b) => Math.max(a, b)) + 1).fill(0);
  for (const sample of chosen) (counts[labels[sample] as number] as number)++;
  return counts;
}

test("ImageNet's class sizes: 1 % is 12,811 pictures with 12 or 13 a class, 10 % 128,116 with 128 or 129, nested", () => {
  const sizes = Array.from({ length: 1000 }, (_, c) =>
    c < 895 ? 1300 : c === 999 ? 1281167 - 895 * 1300 - 104 * 1129 : 1129,
  );
  expect(sizes.reduce((a, b) => a + b)).toBe(1281167);
  const labels = sizes.flatMap((size, label) => Array<number>(size).fill(label));
  const one = chooseLabelled(labels, { fraction: 0.01, seed: 0 });
  const ten = chooseLabelled(labels, { fraction: 0.1, seed: 0 });
  expect([one.length, ten.length]).toEqual([12811, 128116]);
  expect(new Set(countsOf(labels, one))).toEqual(new Set([12, 13]));
  expect(new Set(countsOf(labels, ten))).toEqual(new Set([128, 129]));
  const inTen = new Set(ten);
  expect(one.every((sample) => inTen.has(sample))).toBe(true);
});

test("without a seed the first of each class in the order of the source", () => {
  expect([...chooseLabelled([1, 0, 1, 1, 0, -1, 0], { perClass: 2 })]).toEqual([0, 1, 2, 4]);
  expect([...chooseLabelled([1, 0, 1, 1, 0, -1, 0], { fraction: 0.5 })]).toEqual([0, 1, 4]);
});

test("any sizes and choices: counts are level, smaller choices lie within larger ones, a seed repeats", () => {
  const sizes = fc.array(fc.integer({ min: 4, max: 30 }), { minLength: 1, maxLength: 6 });
  const amount = fc.oneof(
    fc.record({ perClass: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ fraction: fc.double({ min: 0.3, max: 1, noNaN: true }) }),
  );
  fc.assert(
    fc.property(sizes, amount, amount, fc.nat(5), (classSizes, a, b, seed) => {
      const labels = labelsOf(classSizes);
      const choose = (choice: object): Int32Array => chooseLabelled(labels, { ...choice, seed } as LabelChoice);
      const pair = [choose(a), choose(b)].sort((x, y) => x.length - y.length) as [Int32Array, Int32Array];
      for (const chosen of pair) {
        const counts = countsOf(labels, chosen);
        const most = Math.max(...counts);
        expect(counts.every((count, label) => count >= most - 1 || count === classSizes[label])).toBe(true);
        expect([...chosen]).toEqual([...new Set(chosen)].sort((x, y) => x - y));
      }
      const larger = new Set(pair[1]);
      expect(pair[0].every((sample) => larger.has(sample))).toBe(true);
      expect(choose(a)).toEqual(choose(a));
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("another seed chooses others, and every picture has the same chance", () => {
  const labels = labelsOf([40, 40]);
  const times = new Float64Array(80);
  for (let seed = 0; seed < 400; seed++)
    for (const i of chooseLabelled(labels, { perClass: 10, seed })) (times[i] as number)++;
  // 400 draws of probability 1/4: mean 100, deviation 8.7; 4.5 deviations either way
  expect(Math.min(...times)).toBeGreaterThan(61);
  expect(Math.max(...times)).toBeLessThan(139);
});

test("too few pictures are refused, and so is a choice that is none or both", () => {
  expect(() => chooseLabelled([0, 0, 1], { perClass: 2 })).toThrow(
    "in labels.perClass: expected at least 2 pictures of each class, got 1 of class 1. Ask for fewer of each class, or for a fraction.",
  );
  expect(() => chooseLabelled([0, 1, 2], { fraction: 0.5 })).toThrow(
    "in labels.fraction: expected at least one picture of each of 3 classes, got 1 of 3 pictures with a label.",
  );
  expect(() => labelChoiceSchema.parse({ seed: 1 })).toThrow("expected either perClass or fraction");
  expect(() => labelChoiceSchema.parse({ perClass: 1, fraction: 0.5 })).toThrow("expected either perClass or fraction");
});

test("the mean per class is no larger for guessing the largest class", () => {
  const labels = [...Array<number>(90).fill(0), ...Array<number>(10).fill(3)];
  expect(meanPerClass(Array<number>(100).fill(0), labels)).toBe(0.5);
  expect(meanPerClass([0, 0, 1, 2], [0, 1, 1, 2])).toBeCloseTo((1 + 0.5 + 1) / 3, 12);
});

test("class shares that differ by five points or more are a sentence that names the largest difference", () => {
  const classes = ["bread", "apple", "cake"];
  const sides = (known: readonly number[], judged: readonly number[]) =>
    sharesText(classes, labelsOf(known), labelsOf(judged));
  expect(sides([60, 26, 14], [66, 14, 20])).toBe(
    "Class shares differ: apple is 26 % of the pictures to learn from and 14 % of the judged ones. Compare by the mean per class.",
  );
  expect(sides([48, 52, 0], [50, 40, 10])).toContain("apple is 52 %");
  expect(sides([60, 26, 14], [61, 24, 15])).toBeUndefined();
  expect(sharesText([], [], [])).toBeUndefined();
});
