import { join } from "node:path";
import { expect, test } from "vitest";
import { openTrainTest, trainTestOf } from "../../src/data/sources/train-test.js";
import {
  evaluateBlocks,
  evaluateEncoder,
  gainOf,
  type MeasureProgress,
  measureEncoder,
  rawPixels,
  withUntrained,
} from "../../src/evaluate/encoder.js";
import type { BlockEncoder } from "../../src/models/encoder.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { loadModel } from "../../src/train/checkpoints/load.js";
import { parseConfig } from "../../src/train/config.js";
import { pretrain } from "../../src/train/pretrain.js";
import "../../src/methods/index.js";
import { makePictures, temporaryFolder, tinyRun } from "../cli/terminal.js";
import { smallMethod, smallModel } from "../methods/small.js";

test("pixels and an untrained encoder tell red from blue; the same twice", async () => {
  const data = await makePictures(join(temporaryFolder(), "pictures"), 20);
  const source = { kind: "folder", path: data } as const;
  const config = parseConfig({
    model: { name: "vit", width: 16, depth: 1, heads: 2, patchSize: 8 },
    method: { name: "mae", decoder: { width: 16, depth: 1, heads: 2 } },
    data: { source, imageSize: 32, workers: 0 },
  });
  const setting = { config, ...(await openTrainTest(trainTestOf(source), 100)), k: 5 };
  const pixels = await measureEncoder(rawPixels, setting);
  expect(pixels).toMatchObject({ dimensions: 3 * 32 * 32, knn: 1, linear: 1, meanPerClass: { knn: 1, linear: 1 } });
  expect(pixels.pictures).toBe(setting.test.size);
  expect(pixels.right.knn).toEqual(new Uint8Array(setting.test.size).fill(1));
  const untrained = () => withUntrained(config, (encoder) => measureEncoder(encoder, setting));
  const [first, second] = [await untrained(), await untrained()];
  expect(first).toMatchObject({ name: "before training", dimensions: 16 });
  expect(first.knn).toBeGreaterThan(0.5);
  expect([second.knn, second.linear]).toEqual([first.knn, first.linear]);
});

test("a run's encoder beside pixels and itself before training, in one call; progress is told, and a signal ends it", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 10 });
  const sides = await openTrainTest(trainTestOf({ kind: "folder", path: pictures }));
  using model = loadModel(run);
  const told: MeasureProgress[] = [];
  const setting = { ...sides, measures: ["knn"] as const, onProgress: (one: MeasureProgress) => told.push(one) };
  const rows = await evaluateEncoder(model, setting);
  expect(rows.map(({ name }) => name)).toEqual(["raw pixels", "before training", "after 2 steps"]);
  for (const row of rows) expect(row.linear).toBeUndefined();
  expect(told.slice(0, 3)).toEqual([
    { stage: "features", encoder: "raw pixels", side: "train", done: 0, total: sides.train.size },
    { stage: "features", encoder: "raw pixels", side: "test", done: 0, total: sides.test.size },
    { stage: "classify", encoder: "raw pixels", measures: ["knn"], k: sides.train.size },
  ]);
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(evaluateEncoder(model, { ...setting, signal })).rejects.toThrow("enough");
});

test("behind each block but the last: as if that block's features were an encoder's own; a ResNet has no such blocks", async () => {
  const data = await makePictures(join(temporaryFolder(), "pictures"), 10);
  const source = { kind: "folder", path: data } as const;
  const sides = await openTrainTest(trainTestOf(source));
  const trained = async (model: object, method: object) => {
    const config = { epochs: 1, model, method, data: { source, imageSize: 32, batchSize: 8, workers: 0 } };
    const out = join(temporaryFolder(), "run");
    await using run = pretrain(config as Parameters<typeof pretrain>[0], { out });
    for await (const _ of run);
    return loadModel(out);
  };
  using vit = await trained({ name: "vit", width: 16, depth: 3, heads: 2, patchSize: 8 }, smallMethod("mae"));
  const found = await evaluateBlocks(vit, { ...sides, k: 3 });
  expect(found.map(({ name }) => name)).toEqual(["behind block 1", "behind block 2"]);
  for (const [i, { knn, linear, right }] of found.entries()) {
    const encode = (images: Tensor): Tensor => (vit.encoder as BlockEncoder).blockFeatures(images)[i] as Tensor;
    const alone = await measureEncoder({ name: "alone", encode }, { config: vit.config, ...sides, k: 3 });
    expect([knn, linear, right.knn]).toEqual([alone.knn, alone.linear, alone.right.knn]);
  }
  using resnet = await trained(smallModel("resnet"), smallMethod("simsiam"));
  await expect(evaluateBlocks(resnet, sides)).rejects.toThrow("expected an encoder of equal blocks");
});

test("a gain counts pictures that one alone had right", () => {
  const measured = (...right: number[]) => ({
    name: "",
    dimensions: 1,
    seconds: 0,
    meanPerClass: {},
    pictures: right.length,
    right: { knn: Uint8Array.from(right) },
  });
  const { value, interval } = gainOf(measured(1, 0, 0, 0), measured(0, 1, 1, 0), "knn");
  expect(value).toBe(0.25);
  expect(interval[0]).toBeLessThan(0);
  expect(interval[1]).toBeGreaterThan(0.25);
});
