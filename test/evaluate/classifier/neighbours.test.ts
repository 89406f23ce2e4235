import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openSource } from "../../../src/data/source.js";
import { openTrainTest } from "../../../src/data/sources/train-test.js";
import { liveTensors } from "../../../src/engine/scope.js";
import { classifyAll } from "../../../src/evaluate/classifier/classify.js";
import { evaluateClassifier } from "../../../src/evaluate/classifier/evaluate.js";
import { neighbourClassifier } from "../../../src/evaluate/classifier/neighbours.js";
import { evaluateEncoder } from "../../../src/evaluate/encoder.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { makePictures } from "../../cli/terminal.js";
import { collect, tinyRun, workFolder, writePictures } from "../../train/example.js";

const work = workFolder("neighbours");
afterAll(work.remove);

test("the classes and accuracy are those of k-NN; probabilities are votes; a picture that cannot be read is left out", async () => {
  const photos = await makePictures(join(work.path, "photos"), 15);
  const run = join(work.path, "run");
  await collect(pretrain(tinyRun(photos, { epochs: 1, log: { previewPictures: 0 } }), { out: run }));
  const side = (part: "train" | "heldOut") => ({ kind: "folder", path: photos, part, holdOut: 0.4 }) as const;
  const { train, test: judged } = await openTrainTest({ train: side("train"), test: side("heldOut") });
  const before = liveTensors();
  using model = loadModel(run);
  const loaded = liveTensors();
  const expected = (await evaluateEncoder(model, { train, test: judged, measures: ["knn"], k: 5 })).at(-1);
  const told: number[] = [];
  {
    using nearest = await neighbourClassifier(model, train, { k: 5, onBatch: (share) => told.push(share) });
    expect(nearest).toMatchObject({ classes: ["a", "b"], k: 5, labelled: train.size });
    const { scores } = await evaluateClassifier(nearest, judged);
    expect(scores.top1).toBe(expected?.knn);
    expect(scores.meanPerClass).toBe(expected?.meanPerClass.knn);
    const { pictures } = await classifyAll(nearest, judged);
    for (const { probabilities } of pictures) expect(probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    // Its own picture among the labelled ones is the nearest of all.
    using one = await neighbourClassifier(model, train, { k: 1 });
    const own = await classifyAll(one, train);
    expect(own.pictures.map(({ probabilities, label = -1 }) => probabilities[label])).toEqual(
      own.pictures.map(() => 1),
    );
  }
  expect(told.at(-1)).toBe(1);
  expect(liveTensors()).toBe(loaded);
  writeFileSync(join(photos, "b", "broken.png"), "no picture");
  using all = await neighbourClassifier(model, await openSource({ kind: "folder", path: photos }));
  expect(all).toMatchObject({ k: 20, labelled: 30 });
  expect(before).toBeLessThan(loaded);
});

test("pictures without classes cannot classify", async () => {
  const photos = await writePictures(join(work.path, "plain"), 8);
  const run = join(work.path, "plain-run");
  await collect(pretrain(tinyRun(photos, { epochs: 1, log: { previewPictures: 0 } }), { out: run }));
  using model = loadModel(run);
  const plain = await openSource({ kind: "folder", path: photos });
  await expect(neighbourClassifier(model, plain)).rejects.toThrow(/in labels: expected two classes or more, got 0/);
});
