import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeOrdinaryJpeg, isOrdinaryJpeg, readJpegHeader } from "../../../src/data/decode/jpeg.js";
import { makePicture, referencePath } from "../pictures.js";

const headerOf = (name: string) => {
  const header = readJpegHeader(readFileSync(referencePath(name)));
  if (header === undefined) throw new Error(`${name} has no header`);
  return header;
};

describe("readJpegHeader", () => {
  it("reads size, components, orientation, profile and scans", () => {
    const plain = {
      width: 26,
      height: 18,
      precision: 8,
      components: 3,
      orientation: 1,
      profile: "srgb",
      scans: 1,
      block: [16, 16],
    };
    expect(headerOf("420.jpg")).toEqual(plain);
    expect(headerOf("grey.jpg")).toEqual({ ...plain, components: 1, block: [8, 8] });
    expect(headerOf("cmyk.jpg")).toEqual({ ...plain, components: 4, block: undefined });
    const finer = { ...plain, block: [8, 8] }; // 4:4:4
    expect(headerOf("srgb-profile.jpg")).toEqual(finer);
    expect(headerOf("other-profile.jpg")).toEqual({ ...finer, profile: "other" });
    expect(headerOf("orientation-7.jpg")).toEqual({ ...finer, width: 18, height: 26, orientation: 7 });
    expect(headerOf("progressive.jpg").scans).toBeGreaterThan(5);
  });

  it("survives any bytes behind the magic number", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const header = readJpegHeader(Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), bytes]));
        expect(header === undefined || header.width >= 0).toBe(true);
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});

describe("isOrdinaryJpeg", () => {
  it("leaves CMYK, profiles, other precisions and empty pictures to the general decoder", () => {
    const plain = headerOf("420.jpg");
    expect(isOrdinaryJpeg(plain)).toBe(true);
    expect(isOrdinaryJpeg(headerOf("grey.jpg"))).toBe(true);
    expect(isOrdinaryJpeg(headerOf("cmyk.jpg"))).toBe(false);
    expect(isOrdinaryJpeg(headerOf("other-profile.jpg"))).toBe(false);
    expect(isOrdinaryJpeg({ ...plain, precision: 12 })).toBe(false);
    expect(isOrdinaryJpeg({ ...plain, height: 0 })).toBe(false);
  });
});

describe("decodeOrdinaryJpeg", () => {
  it("decodes large pictures outside of the thread to the same pixels", async () => {
    const bytes = await makePicture(3, 640, 480).jpeg().toBuffer();
    const header = readJpegHeader(bytes);
    if (header === undefined) throw new Error("no header");
    const inThread = await decodeOrdinaryJpeg(bytes, header);
    const outside = await decodeOrdinaryJpeg(bytes, { ...header, scans: 1000 });
    expect(inThread).toMatchObject({ width: 640, height: 480, channels: 3 });
    expect(Buffer.compare(inThread.data, outside.data)).toBe(0);
  });

  it("throws at anything that is wrong, so that the general decoder may judge", async () => {
    const bytes = await makePicture(3, 64, 48).jpeg().toBuffer();
    const header = readJpegHeader(bytes);
    if (header === undefined) throw new Error("no header");
    await expect(decodeOrdinaryJpeg(bytes.subarray(0, bytes.length - 100), header)).rejects.toThrow();
  });
});
