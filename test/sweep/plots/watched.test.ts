import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import type { RunEvent } from "../../../src/runs/schema.js";
import { drawWatched, writeWatched } from "../../../src/sweep/plots/watched.js";
import { temporaryFolder } from "../../cli/terminal.js";

const texts = (svg = ""): string[] =>
  [...svg.matchAll(/<(?:text|tspan)[^>]*>([^<]+)</g)].map(([, text]) => text as string);
const run = (id: string, of: (step: number) => Record<string, number>) => ({
  id,
  events: Array.from(
    { length: 20 },
    (_, i) => ({ type: "step", step: i + 1, loss: 1, parts: of(i) }) as unknown as RunEvent,
  ),
});
const points = [
  run("whole", (i) => ({ entropy: 5 - i / 10 })),
  run("alone", (i) => ({ entropy: 5 - i / 4, other: i })),
];
/** Lines are paths of a mark; one a point in each panel. */
const lines = (svg = ""): number => [...svg.matchAll(/<g class="mark-line/g)].length;

test("a panel for each quantity that was logged, a line for each point that logged it", async () => {
  const one = await drawWatched({ title: "A study", watched: ["entropy"] }, points);
  expect(texts(one)).toEqual(expect.arrayContaining(["A study", "entropy", "whole", "alone", "step"]));
  expect(lines(one)).toBe(2);
  const two = await drawWatched({ title: "A study", watched: ["entropy", "other", "never"] }, points);
  expect(texts(two)).toEqual(expect.arrayContaining(["entropy", "other"]));
  expect(texts(two)).not.toContain("never");
  expect(lines(two)).toBe(3);
  expect(two).not.toContain("NaN");
});

test("both files, or none where there is nothing to draw", async () => {
  const folder = temporaryFolder();
  expect(await writeWatched(folder, { title: "A study", watched: [] }, points)).toBeUndefined();
  expect(await writeWatched(folder, { title: "A study", watched: ["entropy"] }, [])).toBeUndefined();
  const paths = await writeWatched(folder, { title: "A study", watched: ["entropy"] }, points);
  expect(paths).toEqual({ svg: join(folder, "watched.svg"), png: join(folder, "watched.png") });
  expect(readFileSync(join(folder, "watched.svg"), "utf8")).toContain("A study");
  expect((await sharp(join(folder, "watched.png")).metadata()).width).toBeGreaterThan(400);
});
