import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exifOrientation, readTiffTags, TIFF_WIDTH, tiffEntries } from "../../../src/data/decode/exif.js";

/** A directory of one entry: tag, type, count, value, in either byte order. */
function directory(little: boolean, entry: { tag: number; type: number; count: number; value: number }): Buffer {
  const bytes = Buffer.alloc(26);
  const write16 = (value: number, at: number) =>
    little ? bytes.writeUInt16LE(value, at) : bytes.writeUInt16BE(value, at);
  const write32 = (value: number, at: number) =>
    little ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at);
  bytes.write(little ? "II" : "MM", 0, "latin1");
  write16(42, 2);
  write32(8, 4);
  write16(1, 8);
  write16(entry.tag, 10);
  write16(entry.type, 12);
  write32(entry.count, 14);
  if (entry.type === 3) write16(entry.value, 18);
  else write32(entry.value, 18);
  return bytes;
}

describe("exifOrientation", () => {
  it.each([true, false])("reads it in both byte orders (little-endian: %s)", (little) => {
    for (let value = 1; value <= 8; value++) {
      expect(exifOrientation(directory(little, { tag: 0x0112, type: 3, count: 1, value }))).toBe(value);
    }
  });

  it("takes nonsense for upright", () => {
    expect(exifOrientation(directory(true, { tag: 0x0112, type: 3, count: 1, value: 9 }))).toBe(1);
    expect(exifOrientation(directory(true, { tag: 0x0112, type: 3, count: 1, value: 0 }))).toBe(1);
    expect(exifOrientation(directory(true, { tag: 0x0112, type: 2, count: 1, value: 6 }))).toBe(1);
    expect(exifOrientation(directory(true, { tag: 0x0112, type: 3, count: 2, value: 6 }))).toBe(1);
    expect(exifOrientation(new Uint8Array())).toBe(1);
  });

  it("reads nothing outside of hostile bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, begun) => {
        const start = begun ? Buffer.from("II*\0") : Buffer.alloc(0);
        expect(exifOrientation(Buffer.concat([start, bytes]))).toBeGreaterThanOrEqual(1);
      }),
      { seed: 5, numRuns: 500 },
    );
  });
});

describe("tiffEntries", () => {
  it("says where several values stand, and passes over none", () => {
    const bytes = directory(true, { tag: 0x0153, type: 3, count: 2, value: 2 });
    expect([...tiffEntries(bytes)]).toEqual([{ tag: 0x0153, type: 3, count: 2, valueAt: 18, little: true }]);
    expect([...tiffEntries(Buffer.from("BM"))]).toEqual([]);
  });
});

describe("readTiffTags", () => {
  it("reads numbers of four bytes", () => {
    const bytes = directory(false, { tag: TIFF_WIDTH, type: 4, count: 1, value: 1_000_000 });
    expect(readTiffTags(bytes).get(TIFF_WIDTH)).toBe(1_000_000);
  });

  it("keeps to what is there when the directory is cut off", () => {
    const bytes = directory(true, { tag: TIFF_WIDTH, type: 4, count: 1, value: 5 });
    expect(readTiffTags(bytes.subarray(0, 15)).size).toBe(0);
    expect(readTiffTags(Buffer.from("II+\0\x08\0\0\0")).size).toBe(0);
  });
});
