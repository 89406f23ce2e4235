import { describe, expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import type { Size } from "../../src/nn/patches.js";
import {
  relativeBias,
  relativeIndex,
  relativeIndexBytes,
  relativeRows,
  resizePositions,
  resizeRelative,
  SharedPositions,
  sinCosInit,
  sinCosPositions,
} from "../../src/nn/positions.js";
import { backward } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { readJson, relativeDifference } from "../numbers.js";

interface DinoPositions {
  readonly grid: Size;
  readonly width: number;
  readonly cases: readonly {
    readonly grid: Size;
    readonly table: readonly number[];
    readonly gradient: readonly number[];
  }[];
}

const row = (table: Float32Array, width: number, n: number): number[] =>
  Array.from(table.subarray(n * width, (n + 1) * width));

test("T8: width 8 on a grid of two by two; the first half is the column", () => {
  const table = sinCosPositions(8, [2, 2]);
  const close = (n: number, values: number[]): void =>
    expect(row(table, 8, n).map((value, i) => Math.abs(value - (values[i] ?? Number.NaN)) < 1e-7)).toEqual(
      values.map(() => true),
    );
  close(0, [0, 0, 0, 0, 0, 0, 0, 0]);
  close(1, [0, 0, 1, 1, 0, 0, 1, 1]);
  close(2, [0.84147098, 0.00999983, 0.54030231, 0.99995, 0, 0, 1, 1]);
  close(3, [0, 0, 1, 1, 0.84147098, 0.00999983, 0.54030231, 0.99995]);
});

test.each([
  [768, 69594.493859],
  [512, 46340.333103],
  [1024, 92849.197918],
  [192, 17277.554156],
])("T9: sums of the table of width %i on a grid of 14", (width, sum) => {
  const table = sinCosPositions(width, [14, 14]);
  expect(table.reduce((a, b) => a + b, 0) / sum).toBeCloseTo(1, 6);
  expect(table.reduce((a, b) => a + b * b, 0)).toBeCloseTo(196 * (width / 2), 1);
});

test("T9: values of the last row at width 768", () => {
  const last = row(sinCosPositions(768, [14, 14]), 768, 196);
  const expected = { 0: 0.42016704, 1: -0.1743702, 191: 0.00136388, 192: 0.90744678, 384: 0.42016704, 767: 0.99999907 };
  for (const [i, value] of Object.entries(expected)) expect(last[Number(i)]).toBeCloseTo(value, 6);
});

test("grids need not be square: rows first in the order, columns first in the vector", () => {
  const table = sinCosPositions(4, [1, 3]);
  expect(row(table, 4, 3).map((v) => Math.round(v * 1e4) / 1e4)).toEqual([0.9093, -0.4161, 0, 1]);
});

test("as a parameter's first values, and only for widths that four divides", () => {
  scope(() => {
    const table = sinCosInit([2, 2])([1, 5, 8], new Rng(0));
    expect(table.shape).toEqual([1, 5, 8]);
    expect(table.toArray()).toEqual(sinCosPositions(8, [2, 2]));
  });
  expect(() => sinCosPositions(6, [2, 2])).toThrow("4 divides, got 6");
});

describe("another grid: bicubic, corners not aligned", () => {
  const resized = (width: number, from: Size, to: Size): Float32Array =>
    scope(() => {
      const table = tensor(sinCosPositions(width, from), [1, 1 + from[0] * from[1], width]);
      return resizePositions(table, from, to).toArray() as Float32Array;
    });

  test("14 to 28 at width 768: the first element, sum and sum of squares", () => {
    const values = resized(768, [14, 14], [28, 28]);
    expect(values.length).toBe((1 + 28 * 28) * 768);
    expect(values.subarray(0, 768).every((value) => value === 0)).toBe(true); // the class token's row
    expect(values[768]).toBeCloseTo(-0.08874889, 7);
    expect(values.reduce((a, b) => a + b, 0)).toBeCloseTo(278406.785, 1);
    expect(values.reduce((a, b) => a + b * b, 0)).toBeCloseTo(301743.8505, 1);
  });

  test("2 to 3 at width 8: channel 0 along a row", () => {
    const values = resized(8, [2, 2], [3, 3]);
    for (const [i, value] of [-0.073044, 0.420735, 0.914515].entries())
      expect(values[8 * (1 + i)]).toBeCloseTo(value, 5);
  });

  test("DINO's own way, a tenth of a patch more: its tables and gradients", () => {
    const { grid, width, cases } = (readJson("crops.json") as { positions: DinoPositions }).positions;
    const rows = 1 + grid[0] * grid[1];
    for (const { grid: to, table, gradient } of cases) {
      scope(() => {
        const from = tensor(
          Float32Array.from({ length: rows * width }, (_, i) => Math.sin(0.7 * i)),
          [1, rows, width],
        );
        from.setRequiresGrad(true);
        const resized = resizePositions(from, grid, to, 0.1);
        const weights = tensor(
          Float32Array.from(table, (_, i) => Math.cos(1.3 * i)),
          resized.shape,
        );
        backward(resized.mul(weights).sum());
        expect(relativeDifference(resized.detach(), tensor(Float32Array.from(table), resized.shape))).toBeLessThan(
          1e-5,
        );
        const found = from.grad as Tensor;
        expect(relativeDifference(found, tensor(Float32Array.from(gradient), found.shape))).toBeLessThan(1e-5);
        from.grad = undefined;
      });
    }
  });

  test("rows and columns are told apart; the same grid is the table itself", () => {
    const [wide, high] = [resized(8, [1, 4], [1, 8]), resized(8, [4, 1], [8, 1])];
    expect(wide.filter((_, i) => i % 8 === 0)).toEqual(high.filter((_, i) => i % 8 === 4));
    expect(resized(8, [2, 3], [2, 3])).toEqual(sinCosPositions(8, [2, 3]));
  });
});

test("relative positions of another window: timm's bicubic table; windows that are not square are refused", () => {
  const { relative } = readJson("swin.json") as { readonly relative: Readonly<Record<"from" | "to", number[][]>> };
  const table = (rows: number[][]): Tensor => tensor(Float32Array.from(rows.flat()), [rows.length, 2]);
  scope(() => {
    expect(relativeDifference(resizeRelative(table(relative.from), 49), table(relative.to))).toBeLessThan(1e-6);
    expect(() => resizeRelative(table(relative.from), 45)).toThrow("a window is not square");
  });
});

test("the rows of a table of relative positions that the official BEiT reads on 14 × 14 patches", () => {
  scope(() => {
    const index = relativeIndex([14, 14], "cpu");
    expect(index.shape).toEqual([197, 197]);
    const at = (i: number, j: number): number => index.select(0, i).select(0, j).item();
    const places: readonly (readonly [number, number])[] = [
      ...([
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
        [1, 2],
        [2, 1],
        [1, 15],
        [15, 1],
        [1, 196],
        [196, 1],
      ] as const),
    ];
    expect(places.map(([i, j]) => at(i, j))).toEqual([731, 729, 730, 364, 363, 365, 337, 391, 0, 728]);
    const patches = index.slice(0, 1).slice(1, 1); // [196 196]
    const sums = patches.add(patches.transpose(0, 1));
    expect([sums.amin([]).item(), sums.amax([]).item()]).toEqual([728, 728]);
    expect([patches.amin([]).item(), patches.amax([]).item()]).toEqual([0, 728]);
  });
});

test("the table's bias is of query and key in that order, head by head, on a grid that is not square", () => {
  using shared = new SharedPositions([2, 3], 2);
  const table = shared.call();
  const rows = relativeRows([2, 3]);
  expect(table.shape).toEqual([rows, 2]);
  table.setBytes(Float32Array.from({ length: 2 * rows }, (_, i) => i));
  scope(() => {
    const made = relativeBias(table, [2, 3]); // [2 7 7]
    const at = (head: number, i: number, j: number): number => made.select(0, head).select(0, i).select(0, j).item();
    const row = (down: number, across: number): number => (down + 1) * 5 + across + 2; // of query minus key
    expect(at(1, 1 + 5, 1 + 0)).toBe(2 * row(1, 2) + 1);
    expect(at(0, 1 + 0, 1 + 4)).toBe(2 * row(-1, -1));
    expect([at(0, 0, 3), at(0, 3, 0), at(0, 0, 0)]).toEqual([2 * (rows - 3), 2 * (rows - 2), 2 * (rows - 1)]);
    expect(relativeIndexBytes([2, 3])).toHaveLength(7 * 7 * 8);
  });
});
