import { join } from "node:path";
import { expect, test } from "vitest";
import { sourceOfFiles } from "../../../src/data/sources/lists/file-list.js";
import { readPixels } from "../../../src/evaluate/features/pictures.js";
import { parseConfig } from "../../../src/train/config.js";
import { temporaryFolder } from "../../cli/terminal.js";
import { tinyRun, writePictures } from "../../train/example.js";

test("the middle of each picture, in the order of the source; one that is not there is named", async () => {
  const photos = await writePictures(join(temporaryFolder(), "photos"), 3);
  const config = parseConfig(tinyRun(photos));
  const files = ["002.png", "000.png"].map((name) => join(photos, name));
  const { data, height, width } = await readPixels(config, sourceOfFiles(files));
  expect([height, width, data.length]).toEqual([16, 16, 2 * 16 * 16 * 3]);
  const [last] = files;
  const alone = await readPixels(config, sourceOfFiles([last as string]));
  expect(Buffer.from(data.subarray(0, 768)).equals(Buffer.from(alone.data))).toBe(true);
  await expect(readPixels(config, sourceOfFiles([join(photos, "none.png")]))).rejects.toThrow(/none\.png/);
});
