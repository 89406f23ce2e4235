import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openRun } from "../../../src/index.js";
import { lacuna, temporaryFolder, tinyRun } from "../terminal.js";

test("two seeds of four points: run folders, a table, a curve; the same command goes on and adds what is new", async () => {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder);
  const out = join(folder, "partial");
  const flags = ["--data", pictures, "--epochs=1", "--optim.weightDecay=0.1", "--data.workers=0", "--out", out];
  const first = await lacuna("evaluate", "partial", run, ...flags, "--blocks", "0,0.5");
  expect(first.code).toBe(0);
  expect(first.out).toMatch(/0: linear probing +1 +[\d.]+ % /);
  const probe = openRun(join(out, "blocks-0-seed-0")).run.config;
  expect(probe).toMatchObject({ trainBlocks: 0, from: run, optim: { name: "lars", weightDecay: 0 }, pool: "class" });
  const half = openRun(join(out, "blocks-0.5-seed-0")).run.config;
  expect(half).toMatchObject({ trainBlocks: 0.5, optim: { name: "adamw", weightDecay: 0.1 }, pool: "mean" });

  const written = statSync(join(out, "blocks-0-seed-0", "run.json")).mtimeMs;
  const again = await lacuna("evaluate", "partial", run, ...flags, "--seeds", "2", "--json");
  expect(statSync(join(out, "blocks-0-seed-0", "run.json")).mtimeMs).toBe(written);
  const { rows, files } = JSON.parse(again.out);
  expect(rows.map(({ blocks }: { blocks: string }) => blocks)).toEqual(["0", "0.5", "all"]);
  for (const { values, mean, epochs } of rows) {
    expect(values).toHaveLength(2);
    expect(mean).toBeCloseTo((values[0] + values[1]) / 2, 12);
    expect(epochs).toBe(1);
  }
  for (const file of files) expect(existsSync(file)).toBe(true);
  expect(JSON.parse(readFileSync(join(out, "partial.json"), "utf8")).rows).toEqual(rows);
  expect(openRun(join(out, "blocks-all-seed-1")).run.config).toMatchObject({ seed: 1, trainBlocks: "all" });

  const other = await lacuna("evaluate", "partial", run, ...flags, "--blocks", "0", "--epochs=2");
  expect(other).toMatchObject({ code: 2, error: expect.stringContaining("epochs: 1 -> 2") });
});

test("slips are told before anything is trained", async () => {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder);
  const partial = (...rest: string[]) => lacuna("evaluate", "partial", ...rest, "--out", join(folder, "partial"));
  expect(await partial(run, "--data", pictures, "--blocks", "0,7")).toMatchObject({ code: 2 });
  expect((await partial("scratch", "--data", pictures)).error).toContain("expected a trained encoder, got none");
  expect((await partial(run)).error).toContain("--data");
  expect((await partial(run, "--data", pictures, "--epoch=3")).error).toContain("Did you mean --epochs");
  expect(existsSync(join(folder, "partial"))).toBe(false);
});
