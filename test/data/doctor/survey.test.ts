import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { expect, onTestFinished, test } from "vitest";
import { channelsToExamine, surveyPictures } from "../../../src/data/doctor/survey.js";
import { openSource, type Source } from "../../../src/data/source.js";
import { encodeNpy } from "../../../src/formats/npy.js";

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "lacuna-survey-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const plain = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } });

test("sizes are medians over headers; mean and deviation are those of the pixels", async () => {
  const folder = temporaryFolder();
  for (let i = 0; i < 10; i++) {
    await plain(100, 80, "#ff8000")
      .png()
      .toFile(join(folder, `a${i}.png`));
    await plain(60, 90, "#0000ff")
      .webp({ lossless: true })
      .toFile(join(folder, `b${i}.webp`));
  }
  await plain(200, 300, "#ff8000").jpeg().toFile(join(folder, "c.jpg"));
  const survey = await surveyPictures(await openSource({ kind: "folder", path: folder }));
  expect(survey).toMatchObject({
    pictures: 21,
    sampled: 21,
    shorterSide: 80,
    pixels: 8000,
    channels: 3,
    isFiles: true,
  });
  expect(survey.statistics?.mean[0]).toBeCloseTo(11 / 21, 2);
  expect(survey.statistics?.std[0]).toBeCloseTo(0.499, 2);
});

test("green never varies here: its deviation would divide by nothing, so nothing is measured", async () => {
  const folder = temporaryFolder();
  for (let i = 0; i < 20; i++)
    await plain(8, 8, "#ff0000")
      .png()
      .toFile(join(folder, `${i}.png`));
  expect((await surveyPictures(await openSource({ kind: "folder", path: folder }))).statistics).toBeUndefined();
});

test("arrays have their own number of channels; a number that is asked for is measured", async () => {
  const folder = temporaryFolder();
  for (let i = 0; i < 16; i++) {
    const data = Uint8Array.from({ length: 4 * 6 * 5 }, (_, k) => (k % 5) * 20 + (k % 7) * 5);
    writeFileSync(join(folder, `${i}.npy`), encodeNpy({ dtype: "U8", shape: [4, 6, 5], data }));
  }
  const survey = await surveyPictures(await openSource({ kind: "folder", path: folder }));
  expect(survey).toMatchObject({ pictures: 16, sampled: 16, shorterSide: 4, channels: 5 });
  expect(survey.statistics?.mean).toHaveLength(5);
  expect(survey.statistics?.mean[4]).toBeCloseTo(95 / 255, 2);
  writeFileSync(join(folder, "00-stray.npy"), encodeNpy({ dtype: "U8", shape: [2, 2, 3], data: new Uint8Array(12) }));
  const { content } = await openSource({ kind: "folder", path: folder });
  expect(content.kind === "files" && channelsToExamine(content)).toBe(5);
  expect((await surveyPictures(await openSource({ kind: "folder", path: folder }))).channels).toBe(5);
  const opaque = temporaryFolder();
  for (let i = 0; i < 16; i++)
    await plain(8, 8, `rgb(${i * 9}, ${255 - i * 8}, ${i * 16})`)
      .png()
      .toFile(join(opaque, `${i}.png`));
  const source = await openSource({ kind: "folder", path: opaque });
  const { channels, statistics } = await surveyPictures(source, { channels: 4 });
  expect([channels, statistics?.mean[3], statistics?.std[3]]).toEqual([4, 1, 1]); // nothing transparent: not divided
});

test("grey pictures have one channel; what cannot be read is left to the loader", async () => {
  const folder = temporaryFolder();
  for (let i = 0; i < 20; i++)
    await plain(32 + i, 40, i % 2 === 0 ? "#fff" : "#333")
      .toColourspace("b-w")
      .jpeg()
      .toFile(join(folder, `${i}.jpg`));
  writeFileSync(join(folder, "torn.png"), readFileSync(join(folder, "0.jpg")).subarray(0, 20));
  mkdirSync(join(folder, "empty"));
  const survey = await surveyPictures(await openSource({ kind: "folder", path: folder }));
  expect(survey).toMatchObject({ pictures: 21, sampled: 20, channels: 1 });
  expect(survey.statistics).toMatchObject({ pictures: 20 });
  expect(survey.statistics?.mean).toHaveLength(1);
});

test("pixels in memory need no files", async () => {
  const data = Uint8Array.from({ length: 40 * 4 * 4 }, (_, i) => (i % 2) * 255);
  const source = { size: 40, content: { kind: "pixels", data, height: 4, width: 4, channels: 1 } } as unknown as Source;
  expect(await surveyPictures(source)).toEqual({
    pictures: 40,
    sampled: 40,
    shorterSide: 4,
    pixels: 16,
    channels: 1,
    isFiles: false,
    statistics: { mean: [0.5], std: [0.5], pictures: 40 },
  });
});

test("pictures of one colour have no deviation to divide by, and one constant channel neither", async () => {
  const folder = temporaryFolder();
  for (let i = 0; i < 16; i++)
    await plain(20, 20, "#808080")
      .png()
      .toFile(join(folder, `${i}.png`));
  const survey = await surveyPictures(await openSource({ kind: "folder", path: folder }), { channels: 3 });
  expect(survey).toMatchObject({ statistics: undefined, flat: "all" });
  for (let i = 0; i < 16; i++)
    await plain(20, 20, i % 2 ? "#80ff00" : "#800000")
      .png()
      .toFile(join(folder, `${i}.png`));
  const red = await surveyPictures(await openSource({ kind: "folder", path: folder }), { channels: 3 });
  expect(red).toMatchObject({ statistics: undefined, flat: "some" });
});
