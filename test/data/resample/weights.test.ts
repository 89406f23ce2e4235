import fc from "fast-check";
import { expect, test } from "vitest";
import { PRECISION, weightsOf } from "../../../src/data/resample/weights.js";

const side = fc.integer({ min: 1, max: 500 });

test("weights of a position add up to one, within the rounding of each, and stay inside the input", () => {
  fc.assert(
    fc.property(side, side, (input, output) => {
      const { first, count, values, stride } = weightsOf(input, 0, input, output);
      for (let position = 0; position < output; position++) {
        const taps = count[position] as number;
        const row = values.subarray(position * stride, position * stride + taps);
        const sum = row.reduce((total, value) => total + value, 0);
        expect(Math.abs(sum - 2 ** PRECISION)).toBeLessThanOrEqual(taps / 2);
        expect(first[position]).toBeGreaterThanOrEqual(0);
        expect((first[position] as number) + taps).toBeLessThanOrEqual(input);
        expect(taps).toBeGreaterThan(0);
      }
    }),
    { seed: 1, numRuns: 60 },
  );
});

test("the same size is the identity, half of it the cubic widened twice", () => {
  const same = weightsOf(9, 0, 9, 9);
  for (let position = 0; position < 9; position++) {
    const row = Array.from(
      { length: same.count[position] as number },
      (_, tap) => same.values[position * same.stride + tap],
    );
    const expected = row.map((_, tap) => ((same.first[position] as number) + tap === position ? 2 ** PRECISION : 0));
    expect(row).toEqual(expected);
  }
  // Keys' cubic with a = -0.5 at ±0.25, ±0.75, ±1.25, ±1.75, halved: a position in the middle, eight taps.
  const half = weightsOf(32, 0, 32, 16);
  const middle = Array.from(
    half.values.subarray(8 * half.stride, 8 * half.stride + 8),
    (value) => value / 2 ** PRECISION,
  );
  const expected = [-0.01171875, -0.03515625, 0.11328125, 0.43359375];
  for (const [tap, value] of [...expected, ...expected.toReversed()].entries())
    expect(middle[tap]).toBeCloseTo(value, 5);
});

test("tables of whole pictures are computed once", () => {
  expect(weightsOf(40, 0, 40, 10)).toBe(weightsOf(40, 0, 40, 10));
  expect(weightsOf(40, 1, 40, 10)).not.toBe(weightsOf(40, 1, 40, 10));
  expect(weightsOf(10, 0, 10, 40)).not.toBe(weightsOf(40, 0, 40, 10));
});
