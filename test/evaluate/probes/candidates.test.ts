import { describe, expect, it } from "vitest";
import { autocast, noGrad } from "../../../src/engine/modes.js";
import { liveTensors, scope } from "../../../src/engine/scope.js";
import { candidates, largestError, unitRows } from "../../../src/evaluate/probes/candidates.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { numbers } from "../reference.js";

const matrix = (rows: number, width: number, seed: number): Tensor =>
  tensor(Float32Array.from(numbers(rows * width, seed)), [rows, width]);

/** [Q][N] exact products of unit rows. */
function products(queries: Tensor, bank: Tensor): number[][] {
  const [own, all] = [unitRows(queries), unitRows(bank)].map((units) => {
    const values = units.toNumbers();
    return Array.from({ length: units.side(0) }, (_, row) =>
      values.slice(row * units.side(1), (row + 1) * units.side(1)),
    );
  }) as [number[][], number[][]];
  return own.map((query) => all.map((row) => row.reduce((sum, value, i) => sum + value * (query[i] as number), 0)));
}

describe("candidates", () => {
  it.each([
    { queries: 1024, bank: 4096 },
    { queries: 7, bank: 33 },
    { queries: 50, bank: 1 },
    { queries: 3, bank: 64 },
  ])("leaves out nothing that is larger than the bound says, in tiles of $queries × $bank", (tiling) => {
    const live = liveTensors();
    scope(() => {
      for (const [width, count] of [
        [2, 9],
        [61, 25],
        [61, 200],
      ] as const) {
        const [queries, bank] = [matrix(20, width, 1), matrix(200, width, 2)];
        const found = noGrad(() => candidates(queries, bank, count, tiling));
        const [values, rows] = [found.values.toNumbers(), found.rows.toNumbers()];
        for (const [query, exact] of products(queries, bank).entries()) {
          const own = rows.slice(query * count, (query + 1) * count);
          const least = Math.min(...values.slice(query * count, (query + 1) * count));
          expect(new Set(own).size).toBe(count);
          const others = exact.filter((_, row) => !own.includes(row));
          expect(Math.max(...others, -1)).toBeLessThanOrEqual(least + largestError(width));
          for (const [i, row] of own.entries())
            expect(Math.abs((values[query * count + i] as number) - (exact[row] as number))).toBeLessThanOrEqual(
              largestError(width),
            );
        }
      }
    });
    expect(liveTensors()).toBe(live);
  });

  it("keeps to its bound inside an autocast region", () => {
    scope(() => {
      const [queries, bank] = [matrix(5, 48, 3), matrix(40, 48, 4)];
      const plain = candidates(queries, bank, 6).values.toNumbers();
      expect(autocast("bfloat16", () => candidates(queries, bank, 6)).values.toNumbers()).toEqual(plain);
    });
  });

  it("hands on what is no number, so that nobody takes the rest for proven", () => {
    scope(() => {
      const bank = tensor(
        Float32Array.from({ length: 120 }, (_, i) => (i === 61 ? Number.NaN : i % 7)),
        [60, 2],
      );
      const { values } = candidates(matrix(3, 2, 5), bank, 4, { bank: 20 });
      expect(values.amin([1]).toNumbers()).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    });
  });
});
