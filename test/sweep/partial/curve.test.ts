import { expect, test } from "vitest";
import { drawBlocks } from "../../../src/sweep/partial/curve.js";

const points = [
  { blocks: "0", mean: 0.41, deviation: 0.01 },
  { blocks: "0.5", mean: 0.482, deviation: 0.02 },
  { blocks: "1", mean: 0.5, deviation: undefined },
  { blocks: "all", mean: 0.534, deviation: 0.005 },
];

test("the curve has every point at its height, in the order in which they were given", async () => {
  const svg = await drawBlocks(points, "runs/mae, 100 labels a class");
  for (const text of ["41.0", "48.2", "50.0", "53.4", "½", "all", "runs/mae, 100 labels a class"])
    expect(svg).toContain(`>${text}<`);
  const places = [
    ...svg.matchAll(
      /aria-label="[^"]*blocks[^"]*: (0|½|1|all); top-1[^"]*" [^>]*transform="translate\(([\d.]+),([\d.]+)\)"/g,
    ),
  ];
  const dots = places.map(([, blocks, x, y]) => ({ blocks, x: Number(x), y: Number(y) }));
  expect(dots.map(({ blocks }) => blocks)).toEqual(expect.arrayContaining(["0", "½", "1", "all"]));
  for (const [a, b] of dots.slice(0, 4).entries()) {
    const before = dots[a - 1];
    if (before === undefined) continue;
    expect(b.x).toBeGreaterThan(before.x);
    expect(b.y).toBeLessThan(before.y); // higher up
  }
});

test("of one seed the bar is the interval", async () => {
  const [bare, certain] = await Promise.all([
    drawBlocks([{ blocks: "1", mean: 0.5, deviation: undefined }], "x"),
    drawBlocks([{ blocks: "1", mean: 0.5, deviation: undefined, interval: [0.352, 0.648] }], "x"),
  ]);
  expect(certain).toContain("top-1 accuracy, %: 35.2; high: 64.8");
  expect(bare).toContain("top-1 accuracy, %: 50; high: 50");
});

test("no two numbers overlap, and none the bars, with as many points as there are blocks", async () => {
  const many = ["0", "0.5", ...Array.from({ length: 12 }, (_, i) => `${i + 1}`)];
  const svg = await drawBlocks(
    many.map((blocks, i) => ({ blocks, mean: 0.9 + 0.0001 * i, deviation: 0.01 })),
    "x",
  );
  const numbers = [...svg.matchAll(/transform="translate\(([\d.]+),([\d.]+)\)"[^>]*>9\d\.\d</g)].map(([, x]) =>
    Number(x),
  );
  expect(numbers).toHaveLength(14);
  for (const [i, x] of numbers.entries()) if (i > 0) expect(x - (numbers[i - 1] as number)).toBeGreaterThan(40);
});
