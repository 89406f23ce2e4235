import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRun } from "../../src/runs/reader.js";
import { pretrain } from "../../src/train/pretrain.js";
import { collect, tinyRun, workFolder, writePictures } from "./example.js";

const work = workFolder("pretrain");
const photos = join(work.path, "photos");

beforeAll(() => writePictures(photos, 16));
afterAll(work.remove);

test("a wrong configuration is refused at once, before anything is opened", () => {
  expect(() => pretrain(tinyRun("nowhere", { epochs: -1 }))).toThrow("epochs");
});

test("run.json says what was used: the warm-up that was chosen, the loss of the mean, no task", async () => {
  const out = join(work.path, "run");
  const optim = { name: "adamw", baseLearningRate: 0.05 } as const;
  await collect(pretrain(tinyRun(photos, { epochs: 2, optim }), { out }));
  const { run } = openRun(out);
  expect(run.config).toMatchObject({ optim: { warmupEpochs: 0.2 }, precision: "float32" });
  expect(run.config).not.toHaveProperty("task");
  expect(run.derived["baseline"]).toBeCloseTo(47 / 48, 5);
  expect(run.command).toBe("pretrain()");
});

test("prepare opens everything without a step; the encoder is the run's", async () => {
  const run = pretrain(tinyRun(photos, { epochs: 2 }));
  expect(() => run.encoder).toThrow("has not begun");
  const { derived, encoder, startStep, source } = await run.prepare();
  expect([derived.steps, startStep, source.size]).toEqual([4, 0, 16]);
  expect(run.encoder).toBe(encoder);
  await run.close();
});
