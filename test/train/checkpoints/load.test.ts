import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkpointFiles } from "../../../src/train/checkpoint.js";
import { loadModel, untrainedModel } from "../../../src/train/checkpoints/load.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { tinyRun, workFolder, writePictures } from "../example.js";

const work = workFolder("load");
afterAll(work.remove);

test("a run's folder and its checkpoint file give the trained model", async () => {
  const out = join(work.path, "run");
  const run = pretrain(tinyRun(await writePictures(join(work.path, "photos"), 8), { epochs: 2 }), { out });
  const features = (encoder: { features(image: ReturnType<Rng["normal"]>): ReturnType<Rng["normal"]> }): number[] =>
    noGrad(() => scope(() => encoder.features(new Rng(1, "x").normal([3, 16, 16])).toNumbers()));
  for await (const _ of run) void _;
  const trained = features(run.encoder);
  await run.close();
  for (const path of [out, checkpointFiles(out)[0]?.path ?? ""]) {
    using model = loadModel(path);
    expect(model.step).toBe(2);
    expect(features(model.encoder)).toEqual(trained);
  }
});

test("pictures are read as is said; what a run says itself is not said again; the untrained encoder pools alike", () => {
  const out = join(work.path, "run");
  using model = loadModel(out, { jpeg: "accurate", colour: "stored", pool: "class" });
  expect(model.config.data).toMatchObject({ jpeg: "accurate", colour: "stored", imageSize: 16 });
  {
    using plain = loadModel(out);
    expect(plain.config.data).toMatchObject({ jpeg: "fast", colour: "converted" });
  }
  expect(() => loadModel(out, { jpeg: "exact" as "fast" })).toThrow(/data\.jpeg/);
  expect(() => loadModel(out, { mean: [0.5, 0.5, 0.5] })).toThrow(
    /run: it is a checkpoint of lacuna, which says its own mean\. Leave it out\.$/,
  );
  const image = (): Tensor => new Rng(1, "x").normal([3, 16, 16]);
  const of = (from: { features(image: Tensor): Tensor }): number[] =>
    noGrad(() => scope(() => from.features(image()).toNumbers()));
  const [mean, asClass] = [untrainedModel(model.config), untrainedModel(model.config, "class")];
  try {
    expect(of(asClass)).not.toEqual(of(mean));
  } finally {
    mean.close();
    asClass.close();
  }
});

test("what holds no checkpoint says what would be there", () => {
  expect(() => loadModel(work.path)).toThrow("there is no checkpoint in it.");
  const file = join(work.path, "notes.txt");
  writeFileSync(file, "hello");
  expect(() => loadModel(file)).toThrow(/notes\.txt/);
});
