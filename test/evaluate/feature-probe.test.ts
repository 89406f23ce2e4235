import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSource } from "../../src/data/source.js";
import { liveTensors } from "../../src/engine/scope.js";
import { featureProbes } from "../../src/evaluate/feature-probe.js";
import { resume } from "../../src/finetune/resume.js";
import { openRun } from "../../src/runs/reader.js";
import type { RunEvent } from "../../src/runs/schema.js";
import { parseConfig, type RunConfigInput } from "../../src/train/config.js";
import { pretrain } from "../../src/train/pretrain.js";
import { collect, finalState, tinyRun, trace, workFolder, writePictures } from "../train/example.js";

const work = workFolder("feature-probe");
const labelled = join(work.path, "labelled");
const plain = join(work.path, "plain");
let folders = 0;
const out = (): string => join(work.path, `run-${folders++}`);

beforeAll(async () => {
  await writePictures(plain, 24);
  await writePictures(labelled, 24);
  for (const [i, name] of readdirSync(labelled).entries()) {
    mkdirSync(join(labelled, i % 2 === 0 ? "a" : "b"), { recursive: true });
    renameSync(join(labelled, name), join(labelled, i % 2 === 0 ? "a" : "b", name));
  }
});
afterAll(work.remove);

const config = (photos: string, probe: NonNullable<RunConfigInput["log"]>["probe"] = {}): RunConfigInput =>
  tinyRun(photos, { log: { previewPictures: 0, checkpointSteps: 3, probe } });
const probes = (events: readonly RunEvent[]): [number, string][] =>
  events.flatMap((event) => (event.type === "probe" ? [[event.step, event.name] as [number, string]] : []));
const all = ["featureStd", "featureRank", "knn", "linear"];

test("trace and final weights with probes are those without, to the bit, also across a resume", async () => {
  const [without, folder, stopped] = [out(), out(), out()];
  const expected = trace(await collect(pretrain(config(labelled, { everyEpochs: 0 }), { out: without })));
  const often = config(labelled, { everyEpochs: 1, queries: 6, bank: 12, k: 3 });
  const before = liveTensors();
  const events = await collect(pretrain(often, { out: folder, probes: featureProbes }));
  expect(liveTensors()).toBe(before);
  expect(probes(events)).toEqual([0, 3, 6, 9, 12].flatMap((step) => all.map((name) => [step, name])));
  expect(trace(events)).toEqual(expected);
  expect(finalState(folder)).toEqual(finalState(without));

  const stop = new AbortController();
  const run = pretrain(often, { out: stopped, probes: featureProbes, signal: stop.signal });
  for await (const event of run) if (event.type === "step" && event.step === 5) stop.abort();
  await run.close();
  await collect(resume(stopped, { probes: featureProbes }));
  const whole = openRun(stopped).events;
  expect(trace(whole)).toEqual(expected);
  expect(finalState(stopped)).toEqual(finalState(without));
  const values = (of: readonly RunEvent[]) => of.filter(({ type }) => type === "probe");
  expect(values(whole)).toEqual(values(events)); // and the probes themselves
});

test("pictures without classes give spread and rank only; held-out pictures are judged where there are some", async () => {
  const events = await collect(pretrain(config(plain, { everyEpochs: 4 }), { probes: featureProbes }));
  expect(probes(events)).toEqual([0, 12].flatMap((step) => all.slice(0, 2).map((name) => [step, name])));
  for (const event of events) {
    if (event.type !== "probe") continue;
    if (event.name === "featureRank") expect(event.value).toBeGreaterThan(1);
    if (event.name === "featureStd") expect(event.value).toBeGreaterThan(0);
    expect(event.value).toBeLessThan(17);
  }
  const part = (name: "train" | "heldOut") => ({ kind: "folder", path: labelled, part: name, holdOut: 0.3 }) as const;
  const base = config(labelled, { everyEpochs: 100 });
  const data = { ...base.data, source: part("train"), heldOut: part("heldOut") };
  const judged = await collect(pretrain({ ...base, data }, { probes: featureProbes }));
  expect(probes(judged).map(([, name]) => name)).toEqual([...all, ...all]);
  const accuracies = judged.flatMap((event) => (event.type === "probe" && /knn|linear/.test(event.name) ? event : []));
  const pictures = await openSource(part("heldOut"));
  expect(accuracies).toHaveLength(4);
  for (const { pictures: count, meanPerClass, value } of accuracies) {
    expect(count).toBe(pictures.size);
    expect(value * pictures.size).toBeCloseTo(Math.round(value * pictures.size), 9);
    if (value === 0 || value === 1) expect(meanPerClass).toBe(value);
    else expect(Math.abs((meanPerClass ?? 0) - 0.5)).toBeLessThan(0.5);
  }
});

test("class shares that differ between bank and queries are a warning before the first step", async () => {
  const unequal = join(work.path, "unequal");
  await writePictures(join(unequal, "a"), 3);
  await writePictures(join(unequal, "b"), 9);
  const test = { kind: "folder", path: unequal } as const;
  const events = await collect(pretrain(config(labelled, { everyEpochs: 100, test }), { probes: featureProbes }));
  const at = events.findIndex(({ type }) => type === "warning");
  expect(events[at]).toMatchObject({ code: "class-shares", step: 0 });
  expect(events[at]).toMatchObject({
    message: expect.stringMatching(/^Class shares differ in the probes: a is 50 % .* 25 % of the judged/) as unknown,
  });
  expect(at).toBeLessThan(events.findIndex(({ type }) => type === "probe"));
});

test("how often by default: ten times a run, but never more than a twentieth of the pictures trained on", async () => {
  const interval = async (changes: Partial<RunConfigInput>, size: number): Promise<number> => {
    const parsed = parseConfig({ ...config(labelled), ...changes });
    const source = { ...(await openSource(parsed.data.source)), size };
    const [probe] = await featureProbes({ config: parsed, source, heldOut: undefined, precision: "float32" });
    return probe?.everyEpochs ?? 0;
  };
  expect(await interval({ epochs: 4000 }, 24)).toBe(400);
  expect(await interval({ epochs: 4 }, 24)).toBe(20);
});

test("asked for without being given, or with pictures of other classes: said before a step is taken", async () => {
  const [, second] = await collect(pretrain(config(labelled, { everyEpochs: 1 })));
  expect(second).toMatchObject({ type: "warning", code: "no-probes" });
  const other = config(plain, { test: { kind: "folder", path: labelled } });
  await expect(collect(pretrain(other, { probes: featureProbes }))).rejects.toThrow(/probes need the same classes/);
});
