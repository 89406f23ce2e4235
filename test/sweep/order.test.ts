import { expect, test } from "vitest";
import { bisection, inOrder } from "../../src/sweep/order.js";
import { expand } from "../../src/sweep/points.js";

test("ends, then middles: the shape of a curve shows early", () => {
  const levels = bisection([0.75, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
  const at = (level: number) =>
    [...levels]
      .filter(([, value]) => value === level)
      .map(([value]) => value)
      .sort();
  expect([0, 1, 2, 3, 4].map(at)).toEqual([[0.1, 0.9], [0.5], [0.3, 0.7], [0.2, 0.4, 0.6, 0.8], [0.75]]);
  expect([...bisection([3])]).toEqual([[3, 0]]);
  expect([...bisection([])]).toEqual([]);
});

function ordered(axes: Record<string, unknown[]>, cost: (at: Readonly<Record<string, unknown>>) => number): string[] {
  return inOrder(
    expand({ axes }).map((point) => ({ point, cost: cost(point.at) })),
    axes,
  ).map(({ point }) => point.id);
}

test("the first seed of all before the second, and the cheaper of two ends first", () => {
  const axes = { seed: [7, 3], "method.maskRatio": [0.1, 0.5, 0.9] };
  expect(ordered(axes, (at) => 1 - (at["method.maskRatio"] as number))).toEqual([
    "seed-7_maskRatio-0.9",
    "seed-7_maskRatio-0.1",
    "seed-7_maskRatio-0.5",
    "seed-3_maskRatio-0.9",
    "seed-3_maskRatio-0.1",
    "seed-3_maskRatio-0.5",
  ]);
});

test("on two axes the corners first; words have no middle, and go by cost", () => {
  const grid = { "model.width": [1, 2, 3], "model.depth": [1, 2, 3] };
  const corners = ordered(grid, ({ "model.width": w, "model.depth": d }) => (w as number) * (d as number)).slice(0, 4);
  expect(corners).toEqual(["width-1_depth-1", "width-1_depth-3", "width-3_depth-1", "width-3_depth-3"]);
  const cost: Record<string, number> = { random: 3, block: 1, grid: 2 };
  const words = ordered({ "method.mask": ["random", "block", "grid"] }, (at) => cost[at["method.mask"] as string] ?? 0);
  expect(words).toEqual(["mask-block", "mask-grid", "mask-random"]);
});
