import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import {
  chosenRows,
  countOf,
  nearest,
  sphericalKMeans,
  sumsOf,
} from "../../../../src/methods/parts/tokenizers/clusters.js";
import { Rng } from "../../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../../src/tensor/tensor.js";

const rows = (...values: readonly [number, number][]): Tensor =>
  tensor(Float32Array.from(values.flat()), [values.length, 2]);

test("nearest by distance, not by product; counts and sums of each token", () => {
  scope(() => {
    const given = rows([1, 0], [0.9, 0.1], [0, 3]);
    const tokens = nearest(given, rows([1, 0], [10, 0], [0, 1]));
    expect(tokens.toNumbers()).toEqual([0, 0, 2]);
    expect(countOf(tokens, 4).toNumbers()).toEqual([2, 0, 1, 0]);
    const sums = sumsOf(given, tokens, 3).flatten().toNumbers();
    for (const [i, value] of [1.9, 0.1, 0, 0, 0, 3].entries()) expect(sums[i]).toBeCloseTo(value, 6);
  });
});

test("rows are chosen once each while there are enough of them, and as evenly as can be where there are not", () => {
  scope(() => {
    const given = rows([0, 0], [1, 1], [2, 2]);
    const firsts = (count: number): number[] => chosenRows(given, count, new Rng(0, "x")).select(1, 0).toNumbers();
    expect(firsts(3).sort()).toEqual([0, 1, 2]);
    expect(firsts(6).sort()).toEqual([0, 0, 1, 1, 2, 2]);
  });
});

test("directions that lie together get one centre, the direction of their mean", () => {
  scope(() => {
    const angles = [-0.2, 0, 0.2, 1.8, 2, 2.2];
    const centres = sphericalKMeans(
      rows(...angles.map((a): [number, number] => [Math.cos(a), Math.sin(a)])),
      2,
      10,
      new Rng(0, "fit"),
    ); // [2 2]
    const found = centres.toNumbers();
    const turns = [0, 1].map((i) => Math.atan2(found[2 * i + 1] ?? 0, found[2 * i] ?? 0)).sort();
    expect(turns[0]).toBeCloseTo(0, 5);
    expect(turns[1]).toBeCloseTo(2, 5);
  });
});
