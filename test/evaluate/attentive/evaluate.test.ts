import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openTrainTest } from "../../../src/data/sources/train-test.js";
import { type AttentiveProgress, attentiveGain, evaluateAttentive } from "../../../src/evaluate/attentive/evaluate.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import type { RunConfigInput } from "../../../src/train/config.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { smallMethod, smallModel } from "../../methods/small.js";
import { collect, tinyRun, workFolder, writePictures } from "../../train/example.js";

const work = workFolder("attentive");
afterAll(work.remove);

test.each([
  ["mae", "vit", 17, 32], // the class token and 16 patches
  ["simsiam", "resnet", 4, 64], // a map of 2 × 2 places
])("%s with %s: tokens of its last layer, before training and after", async (method, model, tokens, dimensions) => {
  const photos = join(work.path, "photos");
  await Promise.all(["a", "b"].map((name) => writePictures(join(photos, name), 10)));
  const out = join(work.path, method);
  const config = { epochs: 1, method: smallMethod(method), model: smallModel(model) } as Partial<RunConfigInput>;
  await collect(pretrain(tinyRun(photos, config), { out }));
  const split = { kind: "folder", path: photos, holdOut: 0.3 } as const;
  const sides = await openTrainTest({ train: { ...split, part: "train" }, test: { ...split, part: "heldOut" } }, 100);
  using loaded = loadModel(out);
  const stages: AttentiveProgress[] = [];
  const onProgress = (progress: AttentiveProgress): void => void stages.push(progress);
  const [before, after] = await evaluateAttentive(loaded, { ...sides, epochs: 3, rates: [0.1, 0.4], onProgress });
  expect([before.name, after.name]).toEqual(["before training", `after ${loaded.step} steps`]);
  for (const row of [before, after]) {
    expect(row).toMatchObject({ tokens, dimensions, pictures: sides.test.size });
    expect(row.choices.map(({ rate }) => rate)).toEqual([0.1, 0.4]);
    expect(row.right.reduce((sum, one) => sum + one, 0) / row.pictures).toBeCloseTo(row.accuracy, 10);
  }
  expect(attentiveGain(before, after).value).toBeCloseTo(after.accuracy - before.accuracy, 10);
  expect(new Set(stages.map(({ stage }) => stage))).toEqual(new Set(["features", "probe"]));
});
