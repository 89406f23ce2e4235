import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSource, type Source } from "../../src/data/source.js";
import { flipTemplates, retrieval, zeroShot } from "../../src/evaluate/zero-shot.js";
import { loadModel } from "../../src/train/checkpoints/load.js";
import { pretrain } from "../../src/train/pretrain.js";
import { smallMethod } from "../methods/small.js";
import { collect, tinyRun, workFolder } from "../train/example.js";

const work = workFolder("zero-shot");
const [photos, run, table] = ["photos", "run", "photos/captions.jsonl"].map((name) => join(work.path, name)) as [
  string,
  string,
  string,
];
const colours = { red: [230, 30, 30], green: [30, 230, 30], blue: [30, 30, 230] } as const;

/** Pictures of one colour each, no two of them alike, in a folder for each colour; and a table of them with captions. */
beforeAll(async () => {
  const rows: object[] = [];
  for (const [name, [r, g, b]] of Object.entries(colours)) {
    mkdirSync(join(photos, name), { recursive: true });
    for (let i = 0; i < 8; i++) {
      const background = { r: r - i, g: g + i, b };
      await sharp({ create: { width: 16, height: 16, channels: 3, background } })
        .png()
        .toFile(join(photos, name, `${i}.png`));
    }
    rows.push({ path: `${name}/0.png`, caption: `A photo of a ${name}.` });
  }
  writeFileSync(table, rows.map((row) => JSON.stringify(row)).join("\n"));
  const method = smallMethod("flip") as { name: "flip" };
  const optim = { name: "adamw", baseLearningRate: 0.3, warmupEpochs: 1 } as const;
  await collect(pretrain(tinyRun(photos, { epochs: 40, method, optim }), { out: run }));
});
afterAll(work.remove);

const open = (): Promise<Source> => openSource({ kind: "folder", path: photos });

test("three colours are named by what is said of them, though nobody has learned from their labels", async () => {
  using model = loadModel(run);
  const scores = await zeroShot(model, await open(), { templates: ["a photo of a {}."] });
  expect(scores).toMatchObject({ top1: 1, meanPerClass: 1, pictures: 24 });
  expect((await zeroShot(model, await open())).pictures).toBe(24); // by FLIP's sentences
  expect(flipTemplates).toHaveLength(7);
});

test("classes change places with their names", async () => {
  using model = loadModel(run);
  const source = await open();
  const named = { ...source, classes: ["green", "red", "blue"] }; // by bytes they are blue, green, red
  const { perClass } = await zeroShot(model, named, { templates: ["a photo of a {}."] });
  expect(perClass.map(({ accuracy }) => accuracy)).toEqual([0, 0, 0]);
});

test("a picture finds its caption among three, and a caption its picture", async () => {
  using model = loadModel(run);
  const found = await retrieval(model, await openSource({ kind: "list", path: table }), [1, 3]);
  expect(found).toEqual([
    { k: 1, imageToText: 1, textToImage: 1, pairs: 3 },
    { k: 3, imageToText: 1, textToImage: 1, pairs: 3 },
  ]);
});

test("pictures without captions or classes, and models without texts, are refused", async () => {
  using model = loadModel(run);
  await expect(retrieval(model, await open())).rejects.toThrow("expected captions, got none");
  const bare = { ...(await open()), classes: undefined, labels: undefined };
  await expect(zeroShot(model, bare)).rejects.toThrow("expected classes, got none");
  const blind = join(work.path, "blind");
  await collect(pretrain(tinyRun(photos, { epochs: 1 }), { out: blind }));
  using without = loadModel(blind);
  await expect(zeroShot(without, await open())).rejects.toThrow("it has learned from no texts");
});
