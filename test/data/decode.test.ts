import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeBytes, decodeFile, defaultDecodeOptions, readPictureFile } from "../../src/data/decode.js";
import { BAD_PICTURE_CODES, BadPictureError } from "../../src/data/errors.js";
import { expectedPictures, makePicture, referencePath, temporaryFolder, writeTree } from "./pictures.js";

const pictures = expectedPictures();
const folder = temporaryFolder();

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BadPictureError);
  return (error as BadPictureError).code;
}

describe("pictures as Pillow shows them", () => {
  it.each([...pictures.keys()])("%s", async (name) => {
    const expected = pictures.get(name);
    if (expected === undefined) throw new Error(name);
    const picture = await decodeFile(referencePath(name), defaultDecodeOptions);
    expect(picture).toMatchObject({ height: expected.height, width: expected.width, channels: 3 });
    const differences = expected.rgb.map((value, i) => Math.abs(value - (picture.data[i] ?? Number.NaN)));
    expect(picture.data.length).toBe(expected.rgb.length);
    expect(Math.max(...differences)).toBeLessThanOrEqual(expected.tolerance);
    // The fast inverse DCT rounds down: by 0.8 levels on the whole, as on photographs.
    const shift = expected.rgb.reduce((sum, value, i) => sum + (picture.data[i] ?? Number.NaN) - value, 0);
    expect(Math.abs(shift / expected.rgb.length)).toBeLessThan(expected.tolerance === 6 ? 1.6 : 0.1);
  });

  it.each([
    ["other-profile.png", "rgb.png"],
    ["other-profile.webp", "rgb.png"],
    ["other-profile.tif", "rgb.png"],
    ["other-profile.jpg", "srgb-profile.jpg"],
    ["linear-profile.jpg", "srgb-profile.jpg"],
  ])("leaves the profile of %s out where pixels are wanted as stored, as Pillow does", async (name, plain) => {
    const expected = pictures.get(plain)?.rgb ?? [];
    const options = { ...defaultDecodeOptions, jpeg: "accurate" } as const;
    const { data } = await decodeFile(referencePath(name), { ...options, colour: "stored" });
    expect(Buffer.from(data)).toEqual(Buffer.from(expected));
    expect(Buffer.from((await decodeFile(referencePath(name), options)).data)).not.toEqual(Buffer.from(expected));
  });

  it("makes grey with Rec. 601 weights, and keeps alpha where four channels are asked for", async () => {
    const grey = await decodeFile(referencePath("rgb.png"), { ...defaultDecodeOptions, channels: 1 });
    const rgb = await decodeFile(referencePath("rgb.png"), defaultDecodeOptions);
    const [r = 0, g = 0, b = 0] = rgb.data;
    expect(grey.channels).toBe(1);
    expect(grey.data[0]).toBe(Math.round(0.299 * r + 0.587 * g + 0.114 * b));
    const rgba = await decodeFile(referencePath("rgba.png"), { ...defaultDecodeOptions, channels: 4 });
    expect([...rgba.data.subarray(0, 8)]).toEqual([10, 0, 240, 0, 19, 1, 236, 10]);
    const opaque = await decodeFile(referencePath("rgb.png"), { ...defaultDecodeOptions, channels: 4 });
    expect([...opaque.data.subarray(0, 4)]).toEqual([r, g, b, 255]);
  });

  it("tells how a picture was stored", async () => {
    const facts = async (name: string) =>
      (await decodeBytes(readPictureFile(referencePath(name)), name, defaultDecodeOptions)).facts;
    expect(await facts("cmyk.jpg")).toMatchObject({ format: "jpeg", colour: "cmyk", bits: 8 });
    expect(await facts("grey.jpg")).toMatchObject({ format: "jpeg", colour: "grey" });
    expect(await facts("deep-rgb.png")).toMatchObject({ format: "png", colour: "rgb", bits: 16, alpha: false });
    expect(await facts("animated.gif")).toMatchObject({ format: "gif", frames: 2 });
    expect(await facts("orientation-6.tif")).toMatchObject({ format: "tiff", orientation: 6 });
    expect(await facts("colour.avif")).toMatchObject({ format: "avif", damaged: false });
  });
});

describe("bad files", () => {
  it("are named for what is wrong with them", async () => {
    writeTree(folder, { "empty.jpg": "", "text.jpg": "not a picture", "drawing.png": "<svg xmlns='x'></svg>" });
    const decode = (name: string) => decodeFile(join(folder, name), defaultDecodeOptions);
    expect(await codeOf(decode("nowhere.jpg"))).toBe("missing");
    expect(await codeOf(decode("empty.jpg"))).toBe("empty");
    expect(await codeOf(decode("text.jpg"))).toBe("unsupported");
    await expect(decode("drawing.png")).rejects.toThrow(/unsupported: svg, which is not read; convert it/);
    expect(await codeOf(decode("."))).toBe("unsupported");
  });

  it("do not make anyone wait: a named pipe is refused", async () => {
    execFileSync("mkfifo", [join(folder, "pipe.jpg")]);
    expect(await codeOf(decodeFile(join(folder, "pipe.jpg"), defaultDecodeOptions))).toBe("unsupported");
  });

  const cut = ["420.jpg", "cmyk.jpg", "rgb.png", "animated.gif", "lossy.webp", "alpha.webp", "lzw.tif", "colour.avif"];
  it.each(cut)("%s cut short is truncated, wherever it is cut", async (name) => {
    const whole = readFileSync(referencePath(name));
    // The first frame of the animation is whole after some 80 %, and a PNG's pixels are before its last chunk.
    for (const share of [0.4, 0.6, ...(/gif|png/.test(name) ? [] : [0.9, 0.98])]) {
      const bytes = whole.subarray(0, Math.floor(whole.length * share));
      expect(await codeOf(decodeBytes(bytes, name, defaultDecodeOptions)), `at ${share}`).toBe("truncated");
    }
  });

  it("beyond the limit on pixels are refused by their header, before anything is decoded", async () => {
    const png = Buffer.from(readFileSync(referencePath("rgb.png")));
    png.writeUInt32BE(935820, 16);
    png.writeUInt32BE(854554, 20);
    await expect(decodeBytes(png, "bomb.png", defaultDecodeOptions)).rejects.toThrow(
      /too-large: 935820 × 854554 pixels/,
    );
    for (const name of ["420.jpg", "animated.gif", "lossy.webp", "alpha.webp", "lzw.tif", "colour.avif"]) {
      const options = { ...defaultDecodeOptions, maxPixels: 400 };
      expect(await codeOf(decodeFile(referencePath(name), options)), name).toBe("too-large");
    }
  });

  it("that would take minutes are refused or given up", async () => {
    const bytes = Buffer.from(readFileSync(referencePath("progressive.jpg")));
    const frame = bytes.indexOf(Buffer.from([0xff, 0xc2]));
    bytes.writeUInt16BE(8000, frame + 5);
    bytes.writeUInt16BE(8000, frame + 7);
    const scans = Buffer.concat([bytes, ...new Array<Buffer>(70).fill(Buffer.from([0xff, 0xda]))]);
    await expect(decodeBytes(scans, "scans.jpg", defaultDecodeOptions)).rejects.toThrow(/unsupported: \d+ scans over/);
    const large = await sharp({ create: { width: 6000, height: 6000, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    const options = { ...defaultDecodeOptions, timeoutMs: 1 };
    expect(await codeOf(decodeBytes(large, "slow.png", options))).toBe("timeout");
  });

  it("damaged in the middle are used, and say so", async () => {
    const bytes = Buffer.from(await makePicture(1, 200, 150).jpeg({ quality: 90 }).toBuffer());
    bytes.fill(0x55, bytes.length >> 1, (bytes.length >> 1) + 40);
    const { picture, facts } = await decodeBytes(bytes, "damaged.jpg", defaultDecodeOptions);
    expect(facts.damaged).toBe(true);
    expect(picture.data.length).toBe(200 * 150 * 3);
  });

  it("never end in anything but a picture or a BadPictureError, whatever bytes are changed", async () => {
    const names = [...pictures.keys()];
    const change = fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(255)), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), change, async (name, changes) => {
        const bytes = Buffer.from(readFileSync(referencePath(name)));
        for (const [place, value] of changes) bytes[Math.floor(place * bytes.length)] = value;
        try {
          const { picture } = await decodeBytes(bytes, name, { ...defaultDecodeOptions, maxPixels: 1e6 });
          expect(picture.data.length).toBe(picture.width * picture.height * 3);
        } catch (error) {
          expect(error).toBeInstanceOf(BadPictureError);
          expect(BAD_PICTURE_CODES).toContain((error as BadPictureError).code);
        }
      }),
      { seed: 11, numRuns: 400 },
    );
  });
});
