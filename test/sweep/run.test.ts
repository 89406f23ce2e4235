import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import "../../src/methods/index.js";
import { openRun } from "../../src/runs/reader.js";
import type { SweepInput } from "../../src/sweep/define.js";
import { runSweep, type SweepEvent } from "../../src/sweep/run.js";
import { tinySweep } from "../cli/sweep/example.js";
import { temporaryFolder } from "../cli/terminal.js";

test("one call trains and judges every point, tells what happens, and goes on after a stop", async () => {
  const path = temporaryFolder();
  const { written } = await tinySweep(path, { axes: { "method.maskRatio": [0.25, 0.5] } });
  const input = written as unknown as SweepInput;
  const out = join(path, "out");
  const controller = new AbortController();
  const told: SweepEvent[] = [];
  const stopped = await runSweep(input, { out, signal: controller.signal }, (event) => {
    told.push(event);
    if (event.type === "step") controller.abort(new Error("enough"));
  });
  expect(stopped).toMatchObject({ isInterrupted: true, finished: 0, waiting: 2 });
  expect(told.map(({ type }) => type).slice(0, 2)).toEqual(["baseline", "baseline"]);
  const settled: string[] = [];
  const outcome = await runSweep(input, { out }, (event) => {
    if (event.type === "settled") settled.push(event.planned.point.id);
  });
  expect(outcome).toMatchObject({ isInterrupted: false, finished: 2, failed: 0, waiting: 0, folder: out });
  expect(settled).toHaveLength(2);
  const [first = ""] = settled;
  const steps = openRun(join(out, "points", first)).events.flatMap((event) =>
    event.type === "step" ? event.step : [],
  );
  expect(steps).toEqual([1, 2, 3, 4]);
  expect(outcome.summary.rows.every(({ measures }) => measures.knn !== undefined)).toBe(true);
  const table = readFileSync(join(out, "table.json"), "utf8");
  const again: string[] = [];
  await runSweep(input, { out }, (event) => again.push(event.type));
  expect(again).not.toContain("step");
  expect(readFileSync(join(out, "table.json"), "utf8")).toBe(table);
});

test("pictures that are not here are an error before the folder is made", async () => {
  const path = temporaryFolder();
  const base = { data: { source: { kind: "folder", path: "/nowhere" }, imageSize: 32, batchSize: 8 } };
  const { written } = await tinySweep(path, { base });
  await expect(runSweep(written as unknown as SweepInput, { out: join(path, "out") })).rejects.toThrow("/nowhere");
});
