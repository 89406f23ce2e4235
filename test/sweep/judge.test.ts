import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openRun } from "../../src/index.js";
import { type Evaluate, type PointResults, sweepSchema } from "../../src/public/sweep.js";
import { Judge } from "../../src/sweep/judge.js";
import { temporaryFolder, tinyRun } from "../cli/terminal.js";

const none: PointResults = { formatVersion: 1, measures: {} };

async function trained() {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder);
  const part = (name: string) => ({ kind: "folder", path: pictures, part: name, holdOut: 0.4 });
  const written = { train: part("train"), test: part("heldOut"), knn: { k: 3 } };
  const { evaluate } = sweepSchema.parse({ title: "t", base: {}, evaluate: written });
  const steps = openRun(run).run.derived["steps"] ?? 0;
  const judge = (changes: Partial<Evaluate> = {}, signal = new AbortController().signal) =>
    new Judge({ ...evaluate, ...changes }, ["knn", "linear"], signal);
  return { folder, run, steps, judge };
}

test("a run is judged once for each checkpoint and setting", async () => {
  const { folder, run, steps, judge } = await trained();
  const measures = await judge().judge(run, steps, none);
  expect(Object.keys(measures)).toEqual(["knn", "linear"]);
  expect(measures["knn"]?.accuracy).toBeGreaterThanOrEqual(0);
  const results = { formatVersion: 1, measures } as const;
  expect(judge().isComplete(results, steps)).toBe(true);
  // Nothing is missing: a folder that is not there is not looked at.
  expect(await judge().judge(join(folder, "nowhere"), steps, results)).toBe(measures);
  expect(judge().isComplete(results, steps + 1)).toBe(false);
  expect(judge({ knn: { k: 1 } }).isComplete(results, steps)).toBe(false);
  const again = await judge({ knn: { k: 1 } }).judge(run, steps, results);
  expect(again["linear"]).toBe(measures["linear"]); // k is none of the probe's business
  expect(again["knn"]).not.toBe(measures["knn"]);
});

test("pixels and the untrained encoder, without a run", async () => {
  const { run, judge } = await trained();
  const config = openRun(run).run.config as never;
  const pixels = await judge().judgeBaseline("pixels", config, none);
  expect(pixels).toMatchObject({ knn: { step: 0 }, linear: { step: 0 } });
  expect(await judge().judgeBaseline("untrained", config, { ...none, measures: pixels })).toBe(pixels); // known
});

test("Ctrl-C ends it with the signal's reason", async () => {
  const { run, steps, judge } = await trained();
  const stopped = AbortSignal.abort(new Error("enough"));
  await expect(judge({}, stopped).judge(run, steps, none)).rejects.toThrow("enough");
});

test("fine-tuning: stopped by Ctrl-C it goes on, finished it is not done again", async () => {
  const { folder, run, steps, judge } = await trained();
  const out = join(folder, "finetuned");
  const finetune = { epochs: 100, data: { batchSize: 4, workers: 0 }, augmentation: { mixing: { probability: 0 } } };
  const of = (signal?: AbortSignal) =>
    new Judge({ ...judge().evaluate, finetune }, ["finetune"], signal ?? new AbortController().signal);
  const controller = new AbortController();
  let told = 0;
  const stop = (): void => {
    if (++told === 5) controller.abort(new Error("enough"));
  };
  await expect(of(controller.signal).finetune({ run, step: steps, out }, none, stop)).rejects.toThrow("enough");
  const [only = ""] = readdirSync(out);
  expect(openRun(join(out, only)).state).toBe("interrupted");
  const measures = await of().finetune({ run, step: steps, out }, none, () => {});
  expect(readdirSync(out)).toEqual([only]);
  const { events, state } = openRun(join(out, only));
  expect(state).toBe("finished");
  expect(events.filter(({ type }) => type === "step").length).toBe(
    events.findLast(({ type }) => type === "step")?.step,
  );
  const last = events.findLast((event) => event.type === "heldOut");
  expect(measures["finetune"]).toMatchObject({ step: steps, accuracy: last?.scores?.["top1"] });
  const results = { formatVersion: 1, measures } as const;
  expect(of().isComplete(results, steps)).toBe(true);
  expect(await of().finetune({ run: "nowhere", step: steps, out }, results, () => {})).toBe(measures);
});
