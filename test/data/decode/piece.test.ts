import { readFileSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodePiece, type Piece } from "../../../src/data/decode/piece.js";
import { decodeBytes, defaultDecodeOptions } from "../../../src/data/decode.js";
import { crop, type Region, resample } from "../../../src/data/resample.js";
import { parseNpy } from "../../../src/formats/npy.js";
import { makePicture, referencePath } from "../pictures.js";

const options = { maxPixels: 1e6, channels: 3, toEnd: false } as const;
const photograph = readFileSync(referencePath("photograph.jpg"));

/** Of a piece at scale 1. */
function cut(piece: Piece | undefined, { left, top, width, height }: Region) {
  if (piece === undefined) throw new Error("no piece");
  return crop(piece.picture, { left: left - piece.left, top: top - piece.top, width, height });
}

const windows: readonly Region[] = [
  { left: 0, top: 0, width: 90, height: 70 },
  { left: 0, top: 0, width: 1, height: 1 },
  { left: 89, top: 69, width: 1, height: 1 },
  { left: 15, top: 16, width: 17, height: 16 },
  { left: 31, top: 33, width: 40, height: 9 },
  { left: 3, top: 50, width: 80, height: 20 },
];

describe("decodePiece", () => {
  it.each([
    ["4:2:0", false],
    ["4:2:0", true],
    ["4:4:4", false],
    ["grey", false],
  ] as const)("has the pixels of the whole picture: %s, progressive %s", async (kind, progressive) => {
    const made = makePicture(3, 90, 70);
    const chromaSubsampling = kind === "grey" ? "4:4:4" : kind;
    const bytes = await (kind === "grey" ? made.greyscale() : made)
      .jpeg({ chromaSubsampling, progressive, quality: 80 })
      .toBuffer();
    for (const jpeg of ["fast", "accurate"] as const) {
      const { picture } = await decodeBytes(bytes, "x.jpg", { ...defaultDecodeOptions, jpeg });
      for (const region of windows) {
        for (const toEnd of [false, true]) {
          const piece = decodePiece(bytes, { ...options, jpeg, toEnd }, (whole) => {
            expect(whole).toEqual({ width: 90, height: 70 });
            return { region, shrinks: 1 };
          });
          expect(cut(piece, region).data).toEqual(crop(picture, region).data);
        }
      }
    }
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("stands upright: orientation %i", async (orientation) => {
    const bytes = await sharp(photograph).withMetadata({ orientation }).jpeg().toBuffer();
    const { picture } = await decodeBytes(bytes, "x.jpg", defaultDecodeOptions);
    const region = { left: 20, top: 30, width: 100, height: 110 };
    const piece = decodePiece(bytes, options, (whole) => {
      expect(whole).toEqual({ width: picture.width, height: picture.height });
      return { region, shrinks: 1 };
    });
    expect(cut(piece, region).data).toEqual(crop(picture, region).data);
    expect(piece?.picture.data.length).toBeLessThan(picture.data.length);
  });

  it("finds what is wrong with a file wherever it is, when it reads to the end", async () => {
    const choose = () => ({ region: { left: 0, top: 0, width: 30, height: 30 }, shrinks: 1 });
    const short = photograph.subarray(0, photograph.length - 3000);
    const damaged = Buffer.from(photograph).fill(0xff, photograph.length - 3000, photograph.length - 2900);
    for (const bytes of [short, damaged]) {
      expect(decodePiece(bytes, { ...options, toEnd: true }, choose)).toBeUndefined();
      expect(decodePiece(bytes, options, choose)).toBeDefined(); // the part itself is there
    }
  });

  it("leaves to others what it cannot do", async () => {
    const choose = () => ({ region: { left: 0, top: 0, width: 3, height: 3 }, shrinks: 1 });
    expect(decodePiece(photograph, { ...options, channels: 2 }, choose)).toBeUndefined();
    expect(decodePiece(photograph, { ...options, maxPixels: 100 }, choose)).toBeUndefined();
    expect(decodePiece(await makePicture(3, 9, 9).png().toBuffer(), options, choose)).toBeUndefined();
    const profiled = readFileSync(referencePath("other-profile.jpg"));
    const whole = ({ height, width }: { height: number; width: number }) => {
      return { region: { left: 0, top: 0, height, width }, shrinks: 1 };
    };
    expect(decodePiece(profiled, { ...options, colour: "stored" }, whole)?.picture).toMatchObject({
      height: 18,
      width: 26,
    });
    for (const name of ["cmyk.jpg", "other-profile.jpg"])
      expect(decodePiece(readFileSync(referencePath(name)), options, choose), name).toBeUndefined();
  });
});

/** Top, left, height, width: the windows of test/reference/make_jpeg_parts.py. */
const expected = parseNpy(readFileSync(referencePath("jpeg-parts.npy")));
const parts: readonly Region[] = [
  { top: 31, left: 47, height: 131, width: 150 },
  { top: 8, left: 5, height: 228, width: 310 },
  { top: 70, left: 101, height: 37, width: 52 },
];

/** Mean and largest difference from torchvision's resized crop of Pillow's pixels, in levels of 255. */
function difference(jpeg: "fast" | "accurate" | "scaled", index: number) {
  const region = parts[index] as Region;
  const shrinks = Math.min(region.height, region.width) / 64;
  const piece = decodePiece(photograph, { ...options, jpeg }, () => ({ region, shrinks }));
  if (piece === undefined) throw new Error("no piece");
  const { scale, left, top, picture } = piece;
  const [x, y] = [region.left * scale - left, region.top * scale - top];
  const box = { left: x, top: y, right: x + region.width * scale, bottom: y + region.height * scale };
  const whole = scale === 1 ? { crop: { ...region, left: x, top: y } } : { box };
  const { data } = resample(picture, { height: 64, width: 64, ...whole });
  const levels = Array.from(data, (value, i) => Math.abs(value - (expected.data[index * data.length + i] as number)));
  return { scale, mean: levels.reduce((sum, level) => sum + level) / levels.length, most: Math.max(...levels) };
}

describe("against torchvision on Pillow", () => {
  it("accurate: the same to the bit", () => {
    for (const index of [0, 1, 2]) expect(difference("accurate", index)).toEqual({ scale: 1, mean: 0, most: 0 });
  });

  it("fast: within 1.2 levels on average and 20 at most", () => {
    for (const index of [0, 1, 2]) {
      const { mean, most } = difference("fast", index);
      expect(mean).toBeGreaterThan(0);
      expect(mean).toBeLessThan(1.2);
      expect(most).toBeLessThanOrEqual(20);
    }
  });

  it("scaled: within 3 levels on average and 40 at most where it decodes at half size, else as accurate", () => {
    expect(difference("scaled", 0)).toEqual({ scale: 0.5, mean: expect.any(Number), most: expect.any(Number) });
    for (const index of [0, 1]) {
      expect(difference("scaled", index).mean).toBeLessThan(3);
      expect(difference("scaled", index).most).toBeLessThanOrEqual(40);
    }
    expect(difference("scaled", 2)).toEqual({ scale: 1, mean: 0, most: 0 });
  });
});
