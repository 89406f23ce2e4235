import { describe, expect, test } from "vitest";
import { median, quantile, ratioOfMedians, shareOfRate, spread } from "../../bench/statistics.mjs";

// numpy.quantile([7, 1, 3, 10], [0, .1, .25, .5, .9, 1])
test("quantiles are NumPy's", () => {
  const values = [7, 1, 3, 10];
  const expected = [
    [0, 1],
    [0.1, 1.6],
    [0.25, 2.5],
    [0.5, 5],
    [0.9, 9.1],
    [1, 10],
  ];
  for (const [share, value] of expected) expect(quantile(values, share)).toBeCloseTo(value, 12);
  expect(values).toEqual([7, 1, 3, 10]);
  expect(quantile([4], 0.9)).toBe(4);
});

test("numbers are sorted as numbers", () => {
  expect(median([100, 9, 20])).toBe(20);
});

test("spread is the median and the middle four fifths", () => {
  const values = Array.from({ length: 11 }, (_, i) => i);
  expect(spread(values)).toEqual({ median: 5, p10: 1, p90: 9 });
});

describe("ratio of medians", () => {
  /** A fixed row of draws. */
  const drawing = () => {
    let state = 1;
    return (n) => {
      state = (state * 48271) % 2147483647;
      return Math.floor((state / 2147483647) * n);
    };
  };

  test("a constant ratio has no uncertainty, whatever disturbs both", () => {
    const ours = [1, 2, 50, 3, 4];
    const theirs = ours.map((value) => value * 1.5);
    const { ratio, low, high } = ratioOfMedians(theirs, ours, { integer: drawing(), resamples: 200 });
    for (const value of [ratio, low, high]) expect(value).toBeCloseTo(1.5, 12);
  });

  test("the interval holds the ratio and narrows with more pairs", () => {
    const noise = drawing();
    const pairs = (n) => Array.from({ length: n }, () => [100 + noise(20), 120 + noise(20)]);
    const width = (n) => {
      const drawn = pairs(n);
      const ours = drawn.map(([value]) => value);
      const theirs = drawn.map(([, value]) => value);
      const { ratio, low, high } = ratioOfMedians(theirs, ours, { integer: drawing(), resamples: 1000 });
      expect(low).toBeLessThanOrEqual(ratio);
      expect(high).toBeGreaterThanOrEqual(ratio);
      expect(ratio).toBeGreaterThan(1);
      return high - low;
    };
    expect(width(400)).toBeLessThan(width(10) / 2);
  });

  test("values that are no pairs are refused", () => {
    expect(() => ratioOfMedians([1, 2], [1], { integer: drawing() })).toThrow("got 2 and 1 values");
    expect(() => ratioOfMedians([], [], { integer: drawing() })).toThrow("expected pairs");
  });
});

test("a step that takes twice as long as its products alone uses half of the rate", () => {
  expect(shareOfRate({ operations: 3e9, rate: 1e9 }, 6000)).toBe(0.5);
});
