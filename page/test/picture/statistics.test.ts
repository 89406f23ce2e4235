import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { patchify } from "../../../src/nn/patches.js";
import { tensor } from "../../../src/tensor/tensor.js";
import { congruential } from "../../../test/numbers.js";
import { interpolated, patchStatistics } from "../../src/picture/statistics.js";

const grid = { rows: 3, columns: 4 };

function noise(length: number, seed: number): Float32Array {
  const next = congruential(seed);
  return Float32Array.from({ length }, next);
}

test("mean and unbiased deviation are libtorch's, for patches that are no squares", () => {
  const image = noise(3 * 6 * 12, 3); // [C H W], patches of 2 × 3
  const [mean, deviation] = scope(() => {
    const patches = patchify(tensor(image, [1, 3, 6, 12]), [2, 3], "channelsLast");
    return [patches.mean([-1]).toArray(), patches.var([-1], 1, false).add(1e-6).sqrt().toArray()] as [
      Float32Array,
      Float32Array,
    ];
  });
  const ours = patchStatistics(image, grid, [2, 3]);
  for (const [cell, value] of ours.mean.entries()) expect(value).toBeCloseTo(mean[cell] as number, 6);
  for (const [cell, value] of ours.deviation.entries()) expect(value).toBeCloseTo(deviation[cell] as number, 6);
});

const given = { mean: Float64Array.from(noise(12, 4)), deviation: Float64Array.from(noise(12, 5), (v) => Math.exp(v)) };
const mask = Uint8Array.of(0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0);

test("interpolation knows nothing of hidden patches", () => {
  const other = {
    mean: given.mean.map((value, cell) => (mask[cell] === 1 ? 99 : value)),
    deviation: given.deviation.map((value, cell) => (mask[cell] === 1 ? 99 : value)),
  };
  expect(interpolated(other, mask, grid)).toEqual(interpolated(given, mask, grid));
});

test("visible patches keep their statistics, hidden ones are the mean of their neighbours", () => {
  const { mean, deviation } = interpolated(given, mask, grid);
  for (const [cell, hidden] of mask.entries()) {
    if (hidden === 0) {
      expect(mean[cell]).toBe(given.mean[cell]);
      expect(deviation[cell]).toBeCloseTo(given.deviation[cell] as number, 12);
      continue;
    }
    const around = [
      cell - 4,
      cell + 4,
      ...(cell % 4 > 0 ? [cell - 1] : []),
      ...(cell % 4 < 3 ? [cell + 1] : []),
    ].filter((other) => other >= 0 && other < 12);
    const average = (of: (other: number) => number): number =>
      around.reduce((sum, other) => sum + of(other), 0) / around.length;
    expect(mean[cell]).toBeCloseTo(
      average((other) => mean[other] as number),
      5,
    );
    expect(Math.log(deviation[cell] as number)).toBeCloseTo(
      average((other) => Math.log(deviation[other] as number)),
      5,
    );
  }
});

test("between two visible ends of a row the way is even; with nothing hidden nothing changes", () => {
  const row = { rows: 1, columns: 5 };
  const ends = { mean: Float64Array.of(1, 0, 0, 0, 3), deviation: Float64Array.of(1, 1, 1, 1, 1) };
  const { mean } = interpolated(ends, Uint8Array.of(0, 1, 1, 1, 0), row);
  for (const [cell, value] of [1, 1.5, 2, 2.5, 3].entries()) expect(mean[cell]).toBeCloseTo(value, 5);
  expect(interpolated(ends, new Uint8Array(5), row).mean).toEqual(ends.mean);
});
