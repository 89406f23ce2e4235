import { describe, expect, test } from "vitest";
import { arraySize, decodeBands, needsBands } from "../../../src/data/decode/bands.js";
import { DEFAULT_MAX_PIXELS, decodeBytes } from "../../../src/data/decode.js";
import type { Picture } from "../../../src/data/resample.js";
import { encodeNpy } from "../../../src/formats/npy.js";
import { makePicture } from "../pictures.js";
import { picture } from "../transform-numbers.js";
import { tiff } from "./tiff.js";

const limits = { maxPixels: DEFAULT_MAX_PIXELS, timeoutMs: 10_000 };
const decode = async (bytes: Uint8Array, channels: number, maxPixels = DEFAULT_MAX_PIXELS) =>
  (await decodeBytes(bytes, "x", { ...limits, maxPixels, channels })).picture;

const twelve = picture(5, 7, 12, 1);
const band = ({ data, channels }: Picture, from: number, samples = 1): Uint8Array =>
  data.filter((_, i) => i % channels >= from && i % channels < from + samples);
/** The lower byte is of no account. */
const sixteen = (data: Uint8Array): Uint8Array => Uint8Array.from({ length: 2 * data.length }, (_, i) => (i % 2 ? (data[i >> 1] as number) : 200)); // biome-ignore format: one rule

describe("bands come out as they went in", () => {
  const npy = (dtype: "U8" | "U16", data: Uint8Array, shape: number[]) => encodeNpy({ dtype, shape, data });
  const pages = (samples: number, bits: 8 | 16 = 8): Uint8Array =>
    tiff(
      Array.from({ length: 12 / samples }, (_, i) => {
        const data = band(twelve, i * samples, samples);
        return { height: 5, width: 7, samples, bits, data: bits === 8 ? data : sixteen(data) };
      }),
    );
  test.each([
    ["uint8 array", npy("U8", twelve.data, [5, 7, 12])],
    ["uint16 array, its upper bytes", npy("U16", sixteen(twelve.data), [5, 7, 12])],
    ["TIFF of twelve pages", pages(1)],
    ["TIFF of twelve pages of 16 bits", pages(1, 16)],
    ["TIFF of three pages of four samples", pages(4)],
    ["TIFF of six pages of two samples of 16 bits", pages(2, 16)],
  ])("%s", async (_, bytes) => {
    expect(await decode(bytes, 12)).toEqual({ ...twelve, data: expect.anything() });
    expect(Buffer.from((await decode(bytes, 12)).data)).toEqual(Buffer.from(twelve.data));
  });

  test("an array [H W] is one channel, and any number of channels may be an array's", async () => {
    const grey = picture(4, 3, 1, 2);
    expect(Buffer.from((await decode(npy("U8", grey.data, [4, 3]), 1)).data)).toEqual(Buffer.from(grey.data));
    const rgba = picture(4, 3, 4, 2);
    expect(Buffer.from((await decode(npy("U8", rgba.data, [4, 3, 4]), 4)).data)).toEqual(Buffer.from(rgba.data));
  });

  test("facts: 16 bits are known as such", async () => {
    const { facts } = await decodeBytes(npy("U16", sixteen(twelve.data), [5, 7, 12]), "x", { ...limits, channels: 12 });
    expect(facts).toMatchObject({ format: "npy", bits: 16 });
    expect((await decodeBands(pages(1, 16), "tiff", 12, limits)).bits).toBe(16);
  });
});

describe("what does not fit is a bad picture, and says why", () => {
  const refused = async (bytes: Uint8Array, channels: number, message: string, maxPixels?: number): Promise<void> =>
    expect(decode(bytes, channels, maxPixels)).rejects.toThrow(message);
  const u8 = (shape: number[]): Uint8Array =>
    encodeNpy({ dtype: "U8", shape, data: new Uint8Array(shape.reduce((a, b) => a * b, 1)) });
  const page = (height: number, samples = 1) => {
    return { height, width: 7, samples, data: new Uint8Array(height * 7 * samples) };
  };

  test("other numbers of channels", async () => {
    await refused(
      u8([5, 7, 12]),
      3,
      "in x: unsupported: 12 channels, where data.channels is 3. Convert it, or leave it out.",
    );
    await refused(tiff([page(5), page(5)]), 12, "unsupported: 2 channels, where data.channels is 12");
    await refused(tiff([page(5, 12)]), 12, "use a page for each, or a .npy file");
    const png = await makePicture(1, 8, 8).png().toBuffer();
    await refused(png, 12, "PNG has no 12 channels; use a TIFF with a page for each, or a .npy file [H W 12]");
  });

  test("arrays that are no pictures, pages of two sizes, and too many pixels", async () => {
    await refused(u8([5]), 3, "an array U8 [5] is no picture: uint8 or uint16 [H W C] is");
    await refused(u8([0, 5, 3]), 3, "is no picture");
    const floats = encodeNpy({ dtype: "F32", shape: [2, 2, 3], data: new Uint8Array(48) });
    await refused(floats, 3, "an array F32 [2 2 3] is no picture");
    await refused(u8([5, 7, 12]).subarray(0, 200), 12, "unreadable");
    await refused(tiff([page(5), page(6)]), 2, "page 1 is 7 × 6, the first 7 × 5");
    await refused(u8([5, 7, 12]), 12, "too-large: 7 × 5 pixels", 20);
  });
});

test("which reader: ordinary pictures have 1, 3 or 4 channels", () => {
  expect([1, 3, 4].map((channels) => needsBands("tiff", channels))).toEqual([false, false, false]);
  expect([needsBands("npy", 3), needsBands("tiff", 2), needsBands("tiff", 12)]).toEqual([true, true, true]);
  expect([arraySize([4, 5]), arraySize([4, 5, 6]), arraySize([4]), arraySize([4, 5, 5000])]).toEqual([
    [4, 5, 1],
    [4, 5, 6],
    undefined,
    undefined,
  ]);
});
