import { expect, test } from "vitest";
import { openSource } from "../../src/data/source.js";
import { measureDecoding } from "../../src/plan/decoding.js";
import { parseConfig } from "../../src/train/config.js";
import { makePictures, temporaryFolder } from "../cli/terminal.js";

test("pictures a second of a folder; none of one with too few", async () => {
  const folder = await makePictures(temporaryFolder(), 8);
  const source = { kind: "folder", path: folder } as const;
  const config = (batchSize: number) =>
    parseConfig({ model: { name: "vit", patchSize: 8 }, data: { source, imageSize: 32, batchSize, workers: 0 } });
  const opened = await openSource(source);
  const found = await measureDecoding(config(4), opened, 0.2);
  expect(found?.perSecond).toBeGreaterThan(1);
  expect(found?.processBytes).toBeGreaterThan(1e7);
  expect(await measureDecoding(config(16), opened, 0.2)).toBeUndefined();
});
