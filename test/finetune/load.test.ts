import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openSource } from "../../src/data/source.js";
import { liveTensors } from "../../src/engine/scope.js";
import { classifyAll } from "../../src/evaluate/classifier/classify.js";
import { finetune } from "../../src/finetune/finetune.js";
import { loadClassifier } from "../../src/finetune/load.js";
import { openRun } from "../../src/runs/reader.js";
import { pretrain } from "../../src/train/pretrain.js";
import { collect, tinyRun, workFolder } from "../train/example.js";
import { tinyFinetune, writeClasses } from "./example.js";

const work = workFolder("load-classifier");
afterAll(work.remove);

test.each([0, 0.9])("judges held-out pictures as the run did, with an average of %d", async (average) => {
  const photos = await writeClasses(join(work.path, `photos-${average}`), 8);
  const out = join(work.path, `run-${average}`);
  await collect(finetune(tinyFinetune(photos, { average }), { out }));
  const last = openRun(out).events.findLast((event) => event.type === "heldOut");
  const before = liveTensors();
  {
    using classifier = loadClassifier(out);
    expect(classifier.classes).toEqual(["apple", "bee", "cat"]);
    expect(classifier.step).toBe(12);
    const { pictures, skipped } = await classifyAll(classifier, await openSource({ kind: "folder", path: photos }));
    expect(skipped).toEqual([]);
    const right = pictures.filter(
      ({ probabilities, label }) => probabilities[label as number] === Math.max(...probabilities),
    );
    expect(right.length / pictures.length).toBeCloseTo(last?.scores?.["top1"] ?? -1, 6);
    const losses = pictures.map(({ probabilities, label }) => -Math.log(probabilities[label as number] as number));
    expect(losses.reduce((a, b) => a + b, 0) / losses.length).toBeCloseTo(last?.loss ?? -1, 4);
  }
  expect(liveTensors()).toBe(before);
});

test("pre-training holds no classifier, and the error says what to do", async () => {
  const photos = await writeClasses(join(work.path, "photos"), 8);
  const out = join(work.path, "pretrained");
  await collect(pretrain(tinyRun(photos, { epochs: 1, log: { previewPictures: 0 } }), { out }));
  expect(() => loadClassifier(out)).toThrow(/holds no classifier.*lacuna finetune/);
});
