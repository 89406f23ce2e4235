import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { dimensions, entropies, information, likeness, spread } from "../../../src/methods/parts/collapse.js";
import { Rng } from "../../../src/tensor/random.js";
import { tensor } from "../../../src/tensor/tensor.js";
import { leavesNoTensors } from "../../engine/leaks.js";

leavesNoTensors();

const normal = (rows: number, width: number) => new Rng(3, "features").normal([rows, width]).reshape([rows, width]);

test.each([4, 64, 256])("directions drawn at random in %i dimensions are spread over the whole sphere", (width) =>
  scope(() => {
    const features = normal(4000, width);
    expect(spread(features).item()).toBeCloseTo(1, 1);
    expect(likeness(features).item()).toBeCloseTo(0, 2);
    expect(dimensions(features).item() / width).toBeCloseTo(1, 0);
    expect(dimensions(features.mul(1000)).item()).toBeCloseTo(dimensions(features).item(), 2); // whatever their length
  }),
);

test("one point is spread over nothing", () =>
  scope(() => {
    const features = normal(1, 32).expand([64, 32]);
    expect(spread(features).item()).toBeCloseTo(0, 5);
    expect(likeness(features).item()).toBeCloseTo(1, 5);
  }));

test("two opposite points: spread and likeness look well, the one direction tells", () =>
  scope(() => {
    const signs = tensor(
      Float32Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? 1 : -1)),
      [64, 1],
    );
    const features = normal(1, 32).mul(signs);
    expect(spread(features).item()).toBeGreaterThan(0.7); // .78 in 32 dimensions
    expect(likeness(features).item()).toBeCloseTo(0, 1);
    expect(dimensions(features).item()).toBeCloseTo(1, 4);
  }));

test("the mean cosine of all pairs, counted one by one", () =>
  scope(() => {
    const features = normal(7, 5);
    const rows = Array.from({ length: 7 }, (_, i) => features.slice(0, i, i + 1).toNumbers());
    const length = (row: readonly number[]): number => Math.hypot(...row);
    const cosines = rows.flatMap((a, i) =>
      rows.flatMap((b, j) =>
        i === j ? [] : [a.reduce((sum, x, k) => sum + x * (b[k] ?? 0), 0) / length(a) / length(b)],
      ),
    );
    expect(likeness(features).item()).toBeCloseTo(cosines.reduce((sum, x) => sum + x) / cosines.length, 5);
  }));

test("entropy and information of distributions: one output, all alike, one output a picture, two for two halves", () =>
  scope(() => {
    const rows = (...given: readonly (readonly number[])[]) =>
      tensor(Float32Array.from(given.flat()), [given.length, 4]);
    const [one, uniform] = [
      [1, 0, 0, 0],
      [0.25, 0.25, 0.25, 0.25],
    ];
    for (const [i, value] of [0, Math.log(4)].entries())
      expect(entropies(rows(one as number[], uniform as number[])).toNumbers()[i]).toBeCloseTo(value, 6);
    const told = (...given: readonly (readonly number[])[]): number => information(rows(...given)).item();
    for (const row of [one, uniform, [0.5, 0.2, 0.2, 0.1]])
      expect(told(row as number[], row as number[])).toBeCloseTo(0, 6);
    expect(told([1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1])).toBeCloseTo(Math.log(4), 6);
    expect(told([0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5])).toBeCloseTo(Math.log(2), 6);
  }));
