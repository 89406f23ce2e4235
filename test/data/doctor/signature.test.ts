import sharp from "sharp";
import { describe, expect, it, test } from "vitest";
import { NEAR_BITS } from "../../../src/data/doctor/duplicates.js";
import { asColours, channelSums, signatureOf, whiteShare } from "../../../src/data/doctor/signature.js";
import { makePicture } from "../pictures.js";

async function pixels(seed: number, width: number, height: number, quality = 95) {
  const bytes = await makePicture(seed, width, height).jpeg({ quality }).toBuffer();
  const { data } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  return { data, width, height, channels: 3 };
}

const bits = ([high, low]: readonly [number, number]) =>
  [high, low].map((word) => word.toString(2).padStart(32, "0")).join("");
const distance = (a: readonly [number, number], b: readonly [number, number]) =>
  [...bits(a)].filter((bit, i) => bit !== bits(b)[i]).length;

describe("signatureOf", () => {
  it("stays for another size and quality, and differs for another motif", async () => {
    const original = signatureOf(await pixels(1, 400, 300));
    for (const copy of [await pixels(1, 150, 120), await pixels(1, 801, 603), await pixels(1, 400, 300, 30)]) {
      const signature = signatureOf(copy);
      expect(distance(signature.hash, original.hash)).toBeLessThanOrEqual(4);
      const differences = signature.thumbnail.map((value, i) => Math.abs(value - (original.thumbnail[i] as number)));
      expect(Math.max(...differences)).toBeLessThan(12);
    }
    for (let seed = 2; seed < 8; seed++) {
      expect(distance(signatureOf(await pixels(seed, 400, 300)).hash, original.hash)).toBeGreaterThan(NEAR_BITS);
    }
  });

  it("sets a bit where a cell is brighter than its left neighbour", () => {
    const width = 9;
    const ramp = Uint8Array.from({ length: width * 8 * 3 }, (_, i) => (Math.floor(i / 3) % width) * 20);
    const signature = signatureOf({ data: ramp, width, height: 8, channels: 3 });
    expect(signature.hash).toEqual([0xffffffff, 0xffffffff]);
    expect(signature.thumbnail).toEqual(ramp);
    // Deviation of 0, 20, … 160.
    expect(signature.contrast).toBeCloseTo(20 * Math.sqrt(60 / 9), 6);
    const flat = signatureOf({ data: ramp.fill(7), width, height: 8, channels: 3 });
    expect(flat).toMatchObject({ hash: [0, 0], contrast: 0 });
  });

  it("takes pictures of a single pixel", () => {
    const { thumbnail } = signatureOf({ data: Uint8Array.of(1, 2, 3), width: 1, height: 1, channels: 3 });
    expect([...thumbnail.subarray(0, 3), ...thumbnail.subarray(-3)]).toEqual([1, 2, 3, 1, 2, 3]);
  });
});

test.each([
  [1, [7, 7, 7, 8, 8, 8]],
  [2, [7, 7, 7, 9, 9, 9]],
  [4, [7, 8, 9, 11, 12, 13]],
])("asColours of %i channels", (channels, expected) => {
  const data = Uint8Array.from({ length: 2 * channels }, (_, i) => 7 + i);
  expect([...asColours({ data, width: 2, height: 1, channels }).data]).toEqual(expected);
});

describe("channelSums", () => {
  it("gives means and mean squares", () => {
    const sums = channelSums({ data: Uint8Array.of(0, 51, 255, 255, 153, 255), width: 2, height: 1, channels: 3 });
    expect(sums.grey).toBe(false);
    expect(sums.mean.map((x) => x.toFixed(6))).toEqual(["0.500000", "0.400000", "1.000000"]);
    expect(sums.square.map((x) => x.toFixed(6))).toEqual(["0.500000", "0.200000", "1.000000"]);
  });

  it("takes any number of channels; only colours can be grey", () => {
    const two = channelSums({ data: Uint8Array.of(0, 51, 255, 51), width: 2, height: 1, channels: 2 });
    expect(two).toEqual({ mean: [0.5, 0.2], square: [0.5, 51 ** 2 / 255 ** 2], grey: false });
  });

  it("takes an even sample of a large picture", async () => {
    const picture = await pixels(4, 1600, 1200);
    const sums = [0, 0, 0];
    for (const [i, value] of picture.data.entries()) (sums[i % 3] as number) += value;
    const { mean, grey } = channelSums(picture);
    expect(grey).toBe(false);
    for (const c of [0, 1, 2]) expect(mean[c]).toBeCloseTo((sums[c] as number) / (1600 * 1200 * 255), 2);
  });

  it("sees that a picture is grey, rounding apart", () => {
    const grey = Uint8Array.from({ length: 300 }, (_, i) => Math.floor(i / 3) + (i % 3));
    expect(channelSums({ data: grey, width: 100, height: 1, channels: 3 }).grey).toBe(true);
    grey[150] = 200;
    expect(channelSums({ data: grey, width: 100, height: 1, channels: 3 }).grey).toBe(false);
  });
});

test("white is where all three channels are at their limit", () => {
  const rows = [255, 255, 255, 254, 255, 254, 255, 255, 253, 0, 0, 0];
  expect(whiteShare({ data: Uint8Array.from(rows) })).toBe(0.5);
  expect(whiteShare({ data: new Uint8Array() })).toBe(0);
});
