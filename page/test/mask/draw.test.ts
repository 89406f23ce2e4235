import { expect, test } from "vitest";
import { drawMask, hiddenOf } from "../../src/mask/draw.js";
import { hiddenCount } from "../../src/mask/grid.js";

const grid = { rows: 14, columns: 14 };

test("as many patches stay as the official code keeps", () => {
  // mae.md section 4: 196 patches; and 100 at 0.9, where 1 − 0.9 < 0.1 in double precision.
  const kept = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9].map((ratio) => 196 - hiddenOf(ratio, 196));
  expect(kept).toEqual([176, 156, 137, 117, 98, 78, 58, 49, 39, 29, 19]);
  expect(100 - hiddenOf(0.9, 100)).toBe(9);
  expect(hiddenOf(0.99, 16)).toBe(15); // one always stays
});

test.each(["random", "block"] as const)("%s masks hide an exact count, the same for the same seed", (kind) => {
  for (const ratio of [0.05, 0.5, 0.75, 0.95]) {
    const masks = Array.from({ length: 20 }, (_, seed) => drawMask({ kind, ratio, seed }, grid));
    for (const mask of masks) expect(hiddenCount(mask)).toBe(hiddenOf(ratio, 196));
    expect(drawMask({ kind, ratio, seed: 3 }, grid)).toEqual(masks[3]);
    expect(new Set(masks.map(String)).size).toBe(20);
  }
});

test("random masks hide each patch equally often", () => {
  const counts = new Float64Array(196);
  const draws = 400;
  for (let seed = 0; seed < draws; seed++) {
    for (const [cell, hidden] of drawMask({ kind: "random", ratio: 0.75, seed }, grid).entries()) {
      counts[cell] = (counts[cell] as number) + hidden;
    }
  }
  // Binomial: mean 300, deviation 8.7; five of them for 196 cells.
  for (const count of counts) expect(Math.abs(count - 300)).toBeLessThan(5 * 8.7);
});

test("blocks hang together, single patches do not", () => {
  const inside = (kind: "random" | "block"): number =>
    Array.from({ length: 30 }, (_, seed) => pairs(drawMask({ kind, ratio: 0.5, seed }, grid))).reduce(
      (a, b) => a + b,
      0,
    );
  expect(inside("block")).toBeGreaterThan(1.4 * inside("random"));
});

test("a grid leaves the top left of every four, also where a side is odd", () => {
  expect(Array.from(drawMask({ kind: "grid", ratio: 0.3, seed: 1 }, { rows: 3, columns: 4 }))).toEqual([
    0, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1,
  ]);
});

/** Neighbours across that are both hidden. */
function pairs(mask: Uint8Array): number {
  return mask.reduce((sum, hidden, cell) => sum + (cell % 14 > 0 && hidden === 1 && mask[cell - 1] === 1 ? 1 : 0), 0);
}
