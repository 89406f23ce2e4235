import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Rng } from "../../../src/tensor/random.js";
import { checkpointFiles } from "../../../src/train/checkpoint.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
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

test("what holds no checkpoint says what would be there", () => {
  expect(() => loadModel(work.path)).toThrow("there is no checkpoint in it.");
  const file = join(work.path, "notes.txt");
  writeFileSync(file, "hello");
  expect(() => loadModel(file)).toThrow(/notes\.txt/);
});
