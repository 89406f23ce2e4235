import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { openSource } from "../../src/data/source.js";
import { liveTensors } from "../../src/engine/scope.js";
import { classifyAll } from "../../src/evaluate/classifier/classify.js";
import { finetune } from "../../src/finetune/finetune.js";
import { loadClassifier, loadTrained } from "../../src/finetune/load.js";
import { openRun } from "../../src/runs/reader.js";
import { Checkpoint } from "../../src/train/checkpoint.js";
import { loadModel } from "../../src/train/checkpoints/load.js";
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

test("a run's checkpoint is opened and verified once, whatever is read of it; a probe's head is a classifier too", async () => {
  const photos = await writeClasses(join(work.path, "photos-once"), 8);
  const tuned = join(work.path, "tuned");
  await collect(finetune(tinyFinetune(photos, { epochs: 1, average: 0.9 }), { out: tuned }));
  const probe = join(work.path, "probe");
  await collect(finetune({ ...tinyFinetune(photos, { epochs: 1 }), from: tuned, trainBlocks: 0 }, { out: probe }));
  const open = vi.spyOn(Checkpoint, "open");
  const opens = (load: () => Disposable): number => {
    open.mockClear();
    using _ = load();
    return open.mock.calls.length;
  };
  const file = join(
    tuned,
    "checkpoints",
    readdirSync(join(tuned, "checkpoints")).find((name) => /^step/.test(name)) ?? "",
  );
  for (const path of [tuned, file, probe])
    for (const load of [loadClassifier, loadModel, loadTrained])
      expect(
        opens(() => load(path)),
        path,
      ).toBe(1);
  open.mockRestore();
  for (const path of [tuned, file, probe]) {
    using trained = loadTrained(path);
    expect(trained).toMatchObject({ classes: ["apple", "bee", "cat"] });
  }
  using features = loadTrained(tuned, { pool: "mean" });
  expect(features).toMatchObject({ pool: "mean" });
});
