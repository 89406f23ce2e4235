import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTrainTest } from "../../src/data/sources/train-test.js";
import { liveTensors } from "../../src/engine/scope.js";
import { evaluateEncoder } from "../../src/evaluate/encoder.js";
import { featureProbes } from "../../src/evaluate/feature-probe.js";
import { finetune } from "../../src/finetune/finetune.js";
import { resume } from "../../src/finetune/resume.js";
import { countDifferences, frozenAccuracies } from "../../src/runs/frozen.js";
import { openRun } from "../../src/runs/reader.js";
import type { RunEvent } from "../../src/runs/schema.js";
import { loadModel } from "../../src/train/checkpoints/load.js";
import { pretrain } from "../../src/train/pretrain.js";
import { tinyFinetune, writeClasses } from "../finetune/example.js";
import { collect, tinyRun, trace, workFolder } from "../train/example.js";

const work = workFolder("frozen-probe");
const photos = join(work.path, "photos");
const encoder = join(work.path, "encoder");
const sides = {
  train: { kind: "folder", path: photos, part: "train", holdOut: 0.4 },
  test: { kind: "folder", path: photos, part: "heldOut", holdOut: 0.4 },
} as const;

beforeAll(async () => {
  await writeClasses(photos, 16);
  await collect(pretrain(tinyRun(photos, { epochs: 1, log: { previewPictures: 0 } }), { out: encoder }));
});
afterAll(work.remove);

const config = (log: object = {}) => {
  const { data, model: _, ...rest } = tinyFinetune(photos, { epochs: 2, log });
  return { ...rest, from: encoder, data: { source: sides.train, heldOut: sides.test, batchSize: 8, workers: 0 } };
};
const frozen = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === "probe" && event.name.startsWith("frozen") ? [event] : []));

test("k-NN and exact probe of the frozen encoder are those of `evaluate`, once, before the first step; the run is the same without", async () => {
  const before = liveTensors();
  const events = await collect(finetune(config(), { probes: featureProbes }));
  expect(liveTensors()).toBe(before);
  const { train, test: judged } = await openTrainTest(sides);
  using model = loadModel(encoder);
  const own = (await evaluateEncoder(model, { train, test: judged })).at(-1);
  expect(
    frozen(events).map(({ step, name, value, pictures, meanPerClass }) => [step, name, value, pictures, meanPerClass]),
  ).toEqual([
    [0, "frozenKnn", own?.knn, judged.size, own?.meanPerClass.knn],
    [0, "frozenLinear", own?.linear, judged.size, own?.meanPerClass.linear],
  ]);
  expect(events.findIndex(({ type }) => type === "probe")).toBeLessThan(
    events.findIndex(({ type }) => type === "step"),
  );
  const last = events.findLast((event) => event.type === "heldOut");
  expect(last?.pictures).toBe(judged.size);
  for (const { right = "", value } of frozen(events)) {
    const { lost, won } = countDifferences(right, last?.right ?? "", judged.size);
    expect((won - lost) / judged.size).toBeCloseTo((last?.scores?.["top1"] ?? Number.NaN) - value, 9);
  }
  expect(frozenAccuracies(events).every(({ isPaired }) => isPaired)).toBe(true);
  expect(trace(await collect(finetune(config())))).toEqual(trace(events));
});

test("some labels, some judged pictures, none; none from scratch; a run that is resumed has them once", async () => {
  const some = await collect(finetune(config({ frozenLabels: 6, heldOutPictures: 3 }), { probes: featureProbes }));
  expect(frozen(some).map(({ pictures }) => pictures)).toEqual([3, 3]);
  expect(some.findLast((event) => event.type === "heldOut")?.pictures).toBe(3);
  expect(frozen(await collect(finetune(config({ frozenLabels: 0 }), { probes: featureProbes })))).toEqual([]);
  expect(frozen(await collect(finetune(tinyFinetune(photos, { epochs: 1 }), { probes: featureProbes })))).toEqual([]);
  const out = join(work.path, "stopped");
  const stop = new AbortController();
  const run = finetune(config(), { out, probes: featureProbes, signal: stop.signal });
  for await (const event of run) if (event.type === "step" && event.step === 3) stop.abort();
  await run.close();
  await collect(resume(out, { probes: featureProbes }));
  expect(frozen(openRun(out).events)).toHaveLength(2);
});
