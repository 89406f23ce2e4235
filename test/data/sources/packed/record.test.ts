import { join } from "node:path";
import { expect, test } from "vitest";
import { decodeBytes, defaultDecodeOptions } from "../../../../src/data/decode.js";
import { make, type RecordSettings, recordOf } from "../../../../src/data/sources/packed/record.js";
import { makePicture, temporaryFolder, writeTree } from "../../pictures.js";

const settings: RecordSettings = {
  format: "pixels",
  size: 20,
  channels: 3,
  quality: 95,
  maxPixels: 1e6,
  timeoutMs: 9000,
};

test("never enlarges, and stores what it says", async () => {
  const data = await makePicture(1, 30, 40).raw().toBuffer();
  const picture = { data, width: 30, height: 40, channels: 3 };
  expect(await recordOf(picture, "x", settings)).toMatchObject({ kind: "pixels", width: 20, height: 26, channels: 3 });
  expect((await recordOf(picture, "x", { ...settings, size: 31 })).bytes).toEqual(data);
  const jpeg = await recordOf(picture, "x", { ...settings, size: undefined, format: "jpeg" });
  const decoded = (await decodeBytes(jpeg.bytes, "x", defaultDecodeOptions)).picture;
  const levels = Array.from(data, (value, i) => Math.abs(value - (decoded.data[i] as number)));
  expect(levels.reduce((sum, level) => sum + level) / levels.length).toBeLessThan(4);
  const four = { data: new Uint8Array(16), width: 2, height: 2, channels: 4 };
  await expect(recordOf(four, "x", { ...settings, format: "jpeg" })).rejects.toThrow(
    /4 channels cannot be stored as JPEG/,
  );
});

test("tells what is wrong with a file; keeps a file's bytes only where it can be decoded", async () => {
  const folder = temporaryFolder();
  const bytes = await makePicture(2, 30, 40).png().toBuffer();
  writeTree(folder, { "a.png": bytes, "b.png": bytes.subarray(0, 200) });
  const files = { ...settings, format: "files", size: undefined } as const;
  const kept = await make(join(folder, "a.png"), files);
  expect(kept).toEqual({
    record: { kind: "encoded", bytes: new Uint8Array(bytes), height: 40, width: 30, channels: 3 },
  });
  for (const how of [files, settings])
    expect(await make(join(folder, "b.png"), how)).toMatchObject({ bad: { code: "truncated" } });
  expect(await make(join(folder, "c.png"), settings)).toMatchObject({ bad: { code: "missing" } });
});
