import { expect, test } from "vitest";
import { openRun } from "../../src/index.js";
import { plannedOn } from "../../src/plan/planned.js";
import { temporaryFolder, tinyRun } from "../cli/terminal.js";

test("a run is planned anew on the machine where it ran, and on no other", async () => {
  const { run: folder } = await tinyRun(temporaryFolder());
  const { run } = openRun(folder);
  const planned = plannedOn(run);
  expect(planned?.imagesPerSecond).toBeGreaterThan(1);
  const pictures = (run.derived["steps"] as number) * (run.derived["effectiveBatch"] as number);
  expect((planned?.seconds ?? 0) * (planned?.imagesPerSecond ?? 0)).toBeCloseTo(pictures, 3);
  expect(plannedOn({ ...run, machine: { ...run.machine, threads: 99 } })).toBeUndefined();
  expect(plannedOn({ ...run, machine: { ...run.machine, cpu: "another" } })).toBeUndefined();
  const onGpu = { ...run, config: { ...run.config, device: "cuda" }, machine: { ...run.machine, device: "cuda" } };
  expect(plannedOn(onGpu)).toBeUndefined(); // nor is a GPU asked for
  expect(plannedOn({ ...run, config: { ...run.config, task: "finetune" } })).toBeUndefined();
});
