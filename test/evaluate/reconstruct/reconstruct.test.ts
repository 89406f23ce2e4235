import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { sourceOfFiles } from "../../../src/data/sources/lists/file-list.js";
import { reconstruct } from "../../../src/evaluate/reconstruct/reconstruct.js";
import { loadModel, withMethod } from "../../../src/train/checkpoints/load.js";
import { temporaryFolder, tinyRun } from "../../cli/terminal.js";

test("patches that are drawn, a share of them, or given ones; the same again for the same seed", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder());
  using opened = loadModel(run);
  const model = withMethod(opened);
  const source = sourceOfFiles([join(pictures, "a", "0.png"), join(pictures, "b", "1.png")]);
  const first = await reconstruct(model, source);
  expect(first).toMatchObject({ hidden: 0.75, note: expect.stringContaining("true mean and deviation") });
  expect(await sharp(first.png).metadata()).toMatchObject({ format: "png", width: 840 });
  expect((await reconstruct(model, source)).png.equals(first.png)).toBe(true);
  expect((await reconstruct(model, source, { seed: 1 })).png.equals(first.png)).toBe(false);
  expect((await reconstruct(model, source, { ratio: 0.5 })).hidden).toBe(0.5);
  const given = await reconstruct(model, source, { visible: [0, 5] });
  expect(given.hidden).toBe(1 - 2 / 16);
  const everywhere = await reconstruct(model, source, { visible: [0, 5], shown: "predicted" });
  expect(everywhere.png.equals(given.png)).toBe(false);
});

test("a share that leaves nothing, and a picture that is not there, are refused", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder());
  using opened = loadModel(run);
  const model = withMethod(opened);
  const source = sourceOfFiles([join(pictures, "a", "0.png")]);
  await expect(reconstruct(model, source, { ratio: 0.99 })).rejects.toThrow(
    "in ratio: expected a share that leaves some of 16 patches visible and some hidden, got 0.99.",
  );
  await expect(reconstruct(model, sourceOfFiles([join(pictures, "none.png")]))).rejects.toThrow(/none\.png: missing/);
});
