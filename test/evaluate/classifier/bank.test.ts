import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openSource } from "../../../src/data/source.js";
import { bankOf, classesOf } from "../../../src/evaluate/classifier/bank.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { makePictures } from "../../cli/terminal.js";
import { collect, tinyRun, workFolder } from "../../train/example.js";

const work = workFolder("bank");
afterAll(work.remove);

test("a row for each labelled picture that can be read, in order, with its class", async () => {
  const photos = await makePictures(join(work.path, "photos"), 4);
  writeFileSync(join(photos, "a", "broken.png"), "no picture");
  const run = join(work.path, "run");
  await collect(pretrain(tinyRun(photos, { epochs: 1, log: { previewPictures: 0 } }), { out: run }));
  using model = loadModel(run);
  const source = await openSource({ kind: "folder", path: photos });
  expect(classesOf(source)).toEqual(["a", "b"]);
  const shares: number[] = [];
  const { features, labels } = await bankOf(model, source, (share) => shares.push(share));
  expect(features.shape).toEqual([8, model.encoder.width]);
  expect([...labels]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  expect(shares.at(-1)).toBe(1);
  features.dispose();
});
