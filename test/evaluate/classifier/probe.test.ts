import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openSource } from "../../../src/data/source.js";
import { openTrainTest } from "../../../src/data/sources/train-test.js";
import { liveTensors } from "../../../src/engine/scope.js";
import { classifyAll } from "../../../src/evaluate/classifier/classify.js";
import { evaluateClassifier } from "../../../src/evaluate/classifier/evaluate.js";
import { probeClassifier } from "../../../src/evaluate/classifier/probe.js";
import { evaluateEncoder } from "../../../src/evaluate/encoder.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { makePictures } from "../../cli/terminal.js";
import { collect, tinyRun, workFolder, writePictures } from "../../train/example.js";

const work = workFolder("probe");
afterAll(work.remove);

test("classifies as the linear probe does that is judged by evaluate, with probabilities, and holds nothing", async () => {
  const photos = await makePictures(join(work.path, "photos"), 15);
  const run = join(work.path, "run");
  await collect(pretrain(tinyRun(photos, { epochs: 1, log: { previewPictures: 0 } }), { out: run }));
  const side = (part: "train" | "heldOut") => ({ kind: "folder", path: photos, part, holdOut: 0.4 }) as const;
  const { train, test: judged } = await openTrainTest({ train: side("train"), test: side("heldOut") });
  using model = loadModel(run);
  const expected = (await evaluateEncoder(model, { train, test: judged, measures: ["linear"] })).at(-1);
  const live = liveTensors();
  const told: number[] = [];
  const probe = await probeClassifier(model, train, { onBatch: (share) => told.push(share) });
  expect(probe).toMatchObject({ classes: ["a", "b"], labelled: train.size, converged: true });
  const { scores } = await evaluateClassifier(probe, judged);
  expect(scores.top1).toBe(expected?.linear);
  expect(scores.meanPerClass).toBe(expected?.meanPerClass.linear);
  for (const { probabilities } of (await classifyAll(probe, judged)).pictures)
    expect(probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
  expect(told.at(-1)).toBe(1);
  expect(liveTensors()).toBe(live);
});

test("pictures without classes cannot classify", async () => {
  const photos = await writePictures(join(work.path, "plain"), 8);
  const run = join(work.path, "plain-run");
  await collect(pretrain(tinyRun(photos, { epochs: 1, log: { previewPictures: 0 } }), { out: run }));
  using model = loadModel(run);
  const plain = await openSource({ kind: "folder", path: photos });
  await expect(probeClassifier(model, plain)).rejects.toThrow(/in labels: expected two classes or more, got 0/);
});
