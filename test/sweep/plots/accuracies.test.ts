import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { drawSweep, writePlots } from "../../../src/sweep/plots/accuracies.js";
import { summarizeSweep } from "../../../src/sweep/summary.js";
import { temporaryFolder } from "../../cli/terminal.js";
import { exampleResults, exampleSweep } from "../example.js";

const texts = (svg = ""): string[] =>
  [...svg.matchAll(/<(?:text|tspan)[^>]*>([^<]+)</g)].map(([, text]) => text as string);

test("ours and the paper's stand in panels of their own, every value written at its mark", async () => {
  const sweep = exampleSweep();
  const baselines = [{ name: "raw pixels", accuracies: { linear: 0.39 } }];
  const svg = await drawSweep(
    summarizeSweep(
      sweep,
      exampleResults(sweep, (i) => 0.41 + 0.05 * i),
      baselines,
    ),
  );
  const titles = ["Mask ratio", "k-NN, here", "linear probe, here", "linear probe, paper", "raw pixels 39.0 %"];
  expect(texts(svg)).toEqual(expect.arrayContaining([...titles, "paper: a paper, figure 5", "ViT-L", "maskRatio"]));
  expect(texts(svg)).toEqual(expect.arrayContaining(["41.0", "46.0", "51.0", "54.6", "69.9", "73.5", "66.1"]));
  expect(svg).not.toContain("NaN");
});

test("what was not trained is in sight, one seed has its interval, and two points fill no panel", async () => {
  const sweep = exampleSweep();
  const results = exampleResults(sweep, (i) => 0.5 + 0.01 * i).map((result) => ({
    ...result,
    judged: { linear: { pictures: 100, meanPerClass: 0.4 } },
  }));
  const axes = (svg = ""): string[] => [...svg.matchAll(/Y-axis[^"]* values from ([\d.]+) to ([\d.]+)/g)].map(String);
  const span = (text = ""): [number, number] => {
    const [, low, high] = /from ([\d.]+) to ([\d.]+)/.exec(text) ?? [];
    return [Number(low), Number(high)];
  };
  const baselines = [{ name: "raw pixels", accuracies: { linear: 0.2 } }];
  const [ours, paper] = axes(await drawSweep(summarizeSweep(sweep, results, baselines))).map(span);
  expect(ours?.[0]).toBeLessThan(20); // raw pixels
  expect(ours?.[1]).toBeGreaterThan(61.5); // scipy 1.17: Wilson's upper end of 52 of 100
  expect((paper?.[1] ?? 0) - (paper?.[0] ?? 0)).toBeGreaterThan(41.5);
  const bare = exampleSweep({ reference: undefined });
  const flat = axes(
    await drawSweep(
      summarizeSweep(
        bare,
        exampleResults(bare, (i) => 0.5 + 0.001 * i),
      ),
    ),
  ).map(span);
  for (const [low, high] of flat) expect(high - low).toBeGreaterThan(5);
});

test("numbers stand clear of each other: of marks that are near the second's is below, beyond the ends of both spreads", async () => {
  const axes = { "method.maskRatio": [0.1, 0.7, 0.75, 0.9], seed: [0, 1] };
  const grid = exampleSweep({ axes, reference: undefined });
  const svg =
    (await drawSweep(
      summarizeSweep(
        grid,
        exampleResults(grid, (i) => 0.5 + 0.01 * (i % 2)),
      ),
    )) ?? "";
  const places = [
    ...svg.matchAll(/<text[^>]*translate\(([\d.]+),([\d.]+)\)[^>]*font-size="11px"[^>]*fill="#6b7280"[^>]*>50\.5</g),
  ];
  const all = places
    .slice(0, 4)
    .map(([, x, y]) => [Number(x), Number(y)] as const)
    .sort((a, b) => a[0] - b[0]);
  expect(all).toHaveLength(4);
  const heights = all.map(([, y]) => y);
  expect(heights[0]).toBe(heights[1]);
  expect(heights[3]).toBe(heights[0]);
  expect((heights[2] as number) - (heights[0] as number)).toBeGreaterThan(24);
});

test("a second axis is drawn as lines, seeds as a spread, names as places", async () => {
  const axes = { "method.maskRatio": [0.1, 0.5], "model.depth": [2, 4], seed: [0, 1] };
  const grid = exampleSweep({ axes });
  const svg = await drawSweep(
    summarizeSweep(
      grid,
      exampleResults(grid, (i) => 0.4 + 0.01 * i),
    ),
  );
  expect(texts(svg)).toEqual(expect.arrayContaining(["depth 2", "depth 4"]));
  const named = exampleSweep({ axes: {}, points: { small: {}, large: {} }, reference: undefined });
  const words = await drawSweep(
    summarizeSweep(
      named,
      exampleResults(named, (i) => 0.4 + 0.1 * i),
    ),
  );
  expect(texts(words)).toEqual(expect.arrayContaining(["small", "large", "40.0", "50.0"]));
});

test("files are written once there is something to draw", async () => {
  const folder = temporaryFolder();
  const sweep = exampleSweep();
  expect(await writePlots(folder, summarizeSweep(sweep, []))).toBeUndefined();
  expect(existsSync(join(folder, "plots.svg"))).toBe(false);
  await writePlots(
    folder,
    summarizeSweep(
      sweep,
      exampleResults(sweep, () => 0.5),
    ),
  );
  expect(readFileSync(join(folder, "plots.svg"), "utf8")).toMatch(/^<svg/);
  expect((await sharp(join(folder, "plots.png")).metadata()).width).toBeGreaterThan(800);
});
