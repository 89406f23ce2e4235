import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { sourceOfFiles } from "../../../src/data/sources/lists/file-list.js";
import { attend } from "../../../src/evaluate/attend/attend.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { temporaryFolder, tinyRun } from "../../cli/terminal.js";
import { smallMethod, smallModel } from "../../methods/small.js";
import { collect, tinyRun as tinyConfig } from "../../train/example.js";

test("a row for each picture: the picture, a map for each head and their mean, the features; larger pictures, finer maps", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder());
  using model = loadModel(run);
  const source = sourceOfFiles([join(pictures, "a", "0.png"), join(pictures, "b", "1.png")]);
  const made = await attend(model, source);
  expect(made).toMatchObject({ heads: 2, grid: [4, 4], note: expect.stringContaining("class token") });
  expect(made.explained).toBeGreaterThan(0);
  expect(made.explained).toBeLessThanOrEqual(1 + 1e-9);
  // Five columns of 32 px, shown as 128, with gaps of 8; two rows below titles.
  expect(await sharp(made.png).metadata()).toMatchObject({ width: 5 * 136 + 16, height: 26 + 2 * 136 + 24 });
  expect((await attend(model, source)).png.equals(made.png)).toBe(true);
  expect((await attend(model, source, { side: 64 })).grid).toEqual([8, 8]);
  await expect(attend(model, source, { side: 60 })).rejects.toThrow(/60 × 60 pixels.*Take 64/s);
});

test("the brightest place of a head's map is where its attention is largest", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder());
  using model = loadModel(run);
  const { png } = await attend(model, sourceOfFiles([join(pictures, "a", "0.png")]));
  const { data } = await sharp(png)
    .extract({ left: 8 + 136, top: 26, width: 128, height: 128 })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const colours = new Set(Array.from({ length: 128 * 128 }, (_, i) => [...data.subarray(3 * i, 3 * i + 3)].join()));
  expect(colours.size).toBe(16); // a colour for each place
  expect(colours).toContain("253,231,37");
  expect(colours).toContain("68,1,84");
});

test("a ConvNet has features alone", async () => {
  const folder = temporaryFolder();
  const { pictures } = await tinyRun(folder);
  const out = join(folder, "resnet");
  const parts = { method: smallMethod("simsiam") as never, model: smallModel("resnet") as never, epochs: 1 };
  await collect(pretrain(tinyConfig(pictures, parts), { out }));
  using model = loadModel(out);
  const made = await attend(model, sourceOfFiles([join(pictures, "a", "0.png")]), { side: 64 });
  expect(made).toMatchObject({ heads: 0, grid: [8, 8] });
  expect(made.note).not.toContain("class token");
});
