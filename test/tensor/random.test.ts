import { describe, expect, test } from "vitest";
import { KeyedRandom } from "../../src/data/random.js";
import { binding } from "../../src/engine/binding.js";
import { setThreads, threads } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import { Rng } from "../../src/tensor/random.js";
import { leavesNoTensors } from "../engine/leaks.js";

/** Largest distance between the empirical distribution and `cumulative` (Kolmogorov and Smirnov). */
function distance(values: number[], cumulative: (x: number) => number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted.reduce((most, x, i) => {
    const at = cumulative(x);
    return Math.max(most, at - i / sorted.length, (i + 1) / sorted.length - at);
  }, 0);
}

/** Abramowitz and Stegun 26.2.17, error below 7.5e-8. */
function normalCumulative(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return x > 0 ? 1 - tail : tail;
}

const moment = (values: number[], k: number): number => values.reduce((sum, x) => sum + x ** k, 0) / values.length;

describe("Rng", () => {
  leavesNoTensors();

  test("the same numbers as the data path's generator, whatever the key", () =>
    scope(() => {
      for (const seed of [0, 1, 42, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
        for (const purpose of ["", "mask", "view:größer"]) {
          const samples = [0, 7, 59_999, 2 ** 32 - 1];
          const rows = new Rng(seed, purpose, 3, samples).uniform([9]);
          samples.forEach((sample, r) => {
            const keyed = new KeyedRandom({ seed, purpose, epoch: 3, sample });
            const expected = Array.from({ length: 9 }, () => keyed.uniform());
            expect(rows.select(0, r).toNumbers()).toEqual(expected);
          });
        }
      }
    }));

  test("a row depends on its sample alone, not on the batch around it", () =>
    scope(() => {
      const rng = new Rng(5, "mask", 2, [10, 11, 12, 13]);
      for (const kind of ["uniform", "normal"] as const) {
        const whole = rng[kind]([3, 5]);
        expect(rng.at(2, [12])[kind]([3, 5]).toBytes()).toEqual(whole.slice(0, 2, 3).toBytes());
        const turned = rng.at(2, [13, 10])[kind]([3, 5]);
        expect(turned.select(0, 1).toBytes()).toEqual(whole.select(0, 0).toBytes());
        expect(rng.at(2, [12, 12])[kind]([3, 5]).select(0, 1).toBytes()).toEqual(whole.select(0, 2).toBytes());
      }
    }));

  test.runIf(binding().hasCuda())("the same numbers on a GPU, to which they are copied while the CPU goes on", () =>
    scope(() => {
      for (let sample = 0; sample < 50; sample++) {
        const rng = new Rng(5, "mask", 2, [sample]);
        expect(rng.normal([40_000], "cuda").toBytes()).toEqual(rng.normal([40_000]).toBytes());
      }
    }),
  );

  test("a longer row begins with the shorter one", () =>
    scope(() => {
      const rng = new Rng(5);
      expect(rng.normal([6]).toNumbers()).toEqual(rng.normal([4, 5]).toNumbers().slice(0, 6));
    }));

  test("seed, purpose, epoch and sample each change the numbers; kinds do not disturb each other", () =>
    scope(() => {
      const base = new Rng(1, "a", 0, [0]);
      const others = [
        new Rng(2, "a"),
        new Rng(1, "b"),
        base.at(1),
        base.at(0, [1]),
        base.fork("a"),
        new Rng(1 + 2 ** 32, "a"),
      ];
      const rows = [base, ...others].map((rng) => rng.uniform([4]).toNumbers().join());
      expect(new Set(rows).size).toBe(rows.length);
      expect(base.uniform([4]).toNumbers().join()).toBe(rows[0]);
    }));

  test("fork and at make keys, and change nothing", () => {
    const rng = new Rng(1, "", 0, [3]);
    expect(rng.fork("mask")).toEqual(new Rng(1, "mask", 0, [3]));
    expect(rng.fork("mask").fork("noise")).toEqual(new Rng(1, "mask/noise", 0, [3]));
    expect(rng.at(4)).toEqual(new Rng(1, "", 4, [3]));
    expect(rng.at(4, [1, 2])).toEqual(new Rng(1, "", 4, [1, 2]));
    expect(rng).toEqual(new Rng(1, "", 0, [3]));
  });

  test("the number of threads changes no bit", () =>
    scope(() => {
      const before = threads();
      const rng = new Rng(8, "", 0, [1, 2]);
      const draw = (count: number): Uint8Array => {
        setThreads(count);
        return rng.normal([100_003]).toBytes();
      };
      try {
        const one = draw(1);
        for (const count of [2, 3]) expect(Buffer.compare(draw(count), one)).toBe(0);
      } finally {
        setThreads(before);
      }
    }));

  test("uniform numbers are uniform in [0, 1)", () =>
    scope(() => {
      const values = new Rng(3, "u", 0, [1, 2, 3, 4]).uniform([25_000]).toNumbers();
      expect(values.every((x) => x >= 0 && x < 1)).toBe(true);
      expect(distance(values, (x) => x)).toBeLessThan(1.95 / Math.sqrt(values.length)); // p = 0.001
    }));

  test("normal numbers are normal", () =>
    scope(() => {
      const values = new Rng(3, "n", 0, [1, 2, 3, 4]).normal([25_000]).toNumbers();
      expect(distance(values, normalCumulative)).toBeLessThan(1.95 / Math.sqrt(values.length));
      const sigma = 1 / Math.sqrt(values.length);
      expect(Math.abs(moment(values, 1))).toBeLessThan(3.5 * sigma);
      expect(Math.abs(moment(values, 2) - 1)).toBeLessThan(3.5 * Math.sqrt(2) * sigma);
      expect(Math.abs(moment(values, 3))).toBeLessThan(3.5 * Math.sqrt(15) * sigma);
      expect(Math.abs(moment(values, 4) - 3)).toBeLessThan(3.5 * Math.sqrt(96) * sigma);
      expect(values.every(Number.isFinite)).toBe(true);
    }));

  test("neighbours in a row, and rows of neighbouring samples, are not correlated", () =>
    scope(() => {
      const x = new Rng(3, "c", 0, [7, 8]).normal([50_000]);
      const mean = (a: number[], b: number[]): number =>
        a.reduce((sum, v, i) => sum + v * (b[i] as number), 0) / a.length;
      const [one, two] = x.unbind(0).map((row) => row.toNumbers()) as [number[], number[]];
      const bound = 3.5 / Math.sqrt(one.length);
      expect(Math.abs(mean(one, two))).toBeLessThan(bound);
      for (const lag of [1, 2, 3, 4]) expect(Math.abs(mean(one.slice(lag), one))).toBeLessThan(bound);
    }));

  test("on meta only the shape, and no rows for no samples is an error", () =>
    scope(() => {
      const x = new Rng(1, "", 0, [1, 2]).uniform([3], "meta");
      expect([x.device, x.shape]).toEqual(["meta", [2, 3]]);
      expect(() => new Rng(1, "", 0, []).uniform([3])).toThrow("fillRandom");
    }));

  test.each([-1, 1.5, Number.NaN, 2 ** 53])("seed %s is refused", (seed) => {
    const attempt = (): unknown => scope(() => new Rng(seed).uniform([1]));
    expect(attempt).toThrow(`in seed: expected a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, got ${seed}.`);
  });
});
