import { describe, expect, it } from "vitest";
import { liveTensors, scope } from "../../../src/engine/scope.js";
import { nearestNeighbours } from "../../../src/evaluate/probes/neighbours.js";
import { cat, zeros } from "../../../src/tensor/creation.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { numbers } from "../reference.js";

/** Rows on a coarse grid: many are equal, and many more equally far. */
function coarse(count: number, seed: number): Tensor {
  return tensor(
    Float32Array.from(numbers(count * 3, seed), (value) => Math.round(value * 1.4)),
    [count, 3],
  );
}

const random = (rows: number, width: number, seed: number): Tensor =>
  tensor(Float32Array.from(numbers(rows * width, seed)), [rows, width]);

/** Around one direction: cosines differ by 10⁻⁹, far below what float32 products resolve. */
function collapsed(rows: number, seed: number): Tensor {
  const noise = numbers(rows * 16, seed);
  return tensor(
    Float32Array.from(noise, (value, i) => 1 + (i % 16) + value * 1e-4),
    [rows, 16],
  );
}

const shapes = [
  { what: "nothing special", make: () => ({ queries: random(12, 24, 1), bank: random(90, 24, 2) }) },
  { what: "a collapsed bank", make: () => ({ queries: collapsed(10, 3), bank: collapsed(90, 4) }) },
  {
    what: "each row nine times",
    make: () => ({ queries: random(10, 8, 5), bank: random(10, 8, 6).repeat([9, 1]) }),
  },
  {
    what: "rows of zeros on both sides",
    make: () => ({ queries: cat([zeros([2, 8]), random(5, 8, 7)]), bank: cat([zeros([30, 8]), random(60, 8, 8)]) }),
  },
  {
    what: "opposite queries, all cosines negative",
    make: () => ({ queries: collapsed(6, 9).neg(), bank: collapsed(45, 10) }),
  },
  { what: "six rows", make: () => ({ queries: random(4, 5, 11), bank: random(6, 5, 12) }) },
];

/** The definition: all cosines, sorted by value, equal ones by row. [Q·k] each */
function plainly(queries: Tensor, bank: Tensor, k: number): { rows: number[]; cosines: number[] } {
  const unit = (matrix: Tensor): number[][] => {
    const values = matrix.toNumbers();
    return Array.from({ length: matrix.side(0) }, (_, row) => {
      const own = values.slice(row * matrix.side(1), (row + 1) * matrix.side(1));
      const length = Math.hypot(...own) || 1;
      return own.map((value) => Math.round((value / length) * 2 ** 26) / 2 ** 26);
    });
  };
  const units = unit(bank);
  const best = unit(queries).flatMap((query) => {
    const cosines = units.map((row) => row.reduce((sum, value, i) => sum + value * (query[i] as number), 0));
    const all = cosines.map((cosine, row) => ({ cosine, row }));
    return all.sort((a, b) => b.cosine - a.cosine || a.row - b.row).slice(0, k);
  });
  return { rows: best.map(({ row }) => row), cosines: best.map(({ cosine }) => cosine) };
}

describe("nearestNeighbours", () => {
  it("finds the nearest in order, of equal ones the earlier, as the definition does", () => {
    const live = liveTensors();
    scope(() => {
      const [queries, bank] = [coarse(30, 1), coarse(200, 2)];
      for (const k of [1, 7, 199, 200]) {
        expect([...nearestNeighbours(queries, bank, k).indices]).toEqual(plainly(queries, bank, k).rows);
      }
    });
    expect(liveTensors()).toBe(live);
  });

  it.each([
    { queries: 5, bank: 1 },
    { queries: 1, bank: 13 },
    { queries: 64, bank: 3 },
    { queries: 100, bank: 64 },
  ])("is the same to the bit in tiles of $queries × $bank", (tiling) => {
    scope(() => {
      const queries = tensor(Float32Array.from(numbers(50 * 37, 3)), [50, 37]);
      const bank = tensor(Float32Array.from(numbers(90 * 37, 4)), [90, 37]);
      expect(nearestNeighbours(queries, bank, 11, tiling)).toEqual(nearestNeighbours(queries, bank, 11));
      expect(nearestNeighbours(coarse(40, 5), coarse(80, 6), 9, tiling)).toEqual(
        nearestNeighbours(coarse(40, 5), coarse(80, 6), 9),
      );
    });
  });

  it.each(shapes)("is the definition to the bit where float32 cannot tell: $what", ({ make }) => {
    const live = liveTensors();
    scope(() => {
      const { queries, bank } = make();
      for (const k of [1, 4, bank.side(0) - 5, bank.side(0) - 4, bank.side(0)]) {
        const expected = plainly(queries, bank, k);
        for (const tiling of [{}, { queries: 3, bank: 7 }, { bank: 40 }]) {
          const found = nearestNeighbours(queries, bank, k, tiling);
          expect([...found.indices]).toEqual(expected.rows);
          expect([...found.similarities]).toEqual(expected.cosines);
        }
      }
    });
    expect(liveTensors()).toBe(live);
  });

  it("is the definition for rows too wide to filter", () => {
    scope(() => {
      const [queries, bank] = [random(3, 5000, 1), random(30, 5000, 2)];
      expect([...nearestNeighbours(queries, bank, 4).indices]).toEqual(plainly(queries, bank, 4).rows);
    });
  });

  it("ranks a collapsed bank by its order", () => {
    scope(() => {
      const same = tensor(
        Float32Array.from({ length: 60 }, (_, i) => (i % 3) + 1),
        [20, 3],
      );
      expect([...nearestNeighbours(same.slice(0, 0, 2), same, 4, { bank: 6 }).indices]).toEqual([
        0, 1, 2, 3, 0, 1, 2, 3,
      ]);
      const none = nearestNeighbours(zeros([1, 3]), same, 2);
      expect([...none.similarities]).toEqual([0, 0]);
    });
  });

  it("gives cosines that do not depend on the features' length", () => {
    scope(() => {
      const bank = tensor(Float32Array.from(numbers(40, 7)), [10, 4]);
      const found = nearestNeighbours(bank.mul(1024), bank, 1);
      expect([...found.indices]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      for (const similarity of found.similarities) expect(similarity).toBeCloseTo(1, 7);
    });
  });

  it("refuses sizes that do not fit", () => {
    scope(() => {
      const bank = zeros([4, 3]);
      expect(() => nearestNeighbours(zeros([2, 5]), bank, 1)).toThrow(
        "queries [Q D] and bank [N D] expected, got [2 5] and [4 3].",
      );
      expect(() => nearestNeighbours(bank, bank, 5)).toThrow(
        "in k: expected between 1 and 4 neighbours, as many as the bank has rows, got 5.",
      );
      expect(() => nearestNeighbours(bank, bank, 0)).toThrow("in k: expected between 1 and 4");
    });
  });
});
