import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  claimedSize,
  endsTooEarly,
  isDecoded,
  type PictureFormat,
  sniffFormat,
} from "../../../src/data/decode/format.js";
import { expectedPictures, referencePath } from "../pictures.js";

const formatOf = (name: string) => {
  const extension = name.split(".").at(-1) ?? "";
  return ({ jpg: "jpeg", tif: "tiff" }[extension] ?? extension) as PictureFormat;
};
const files = [...expectedPictures().keys()].map((name) => ({ name, bytes: readFileSync(referencePath(name)) }));

describe("sniffFormat", () => {
  it("knows each format by its content", () => {
    for (const { name, bytes } of files) expect(sniffFormat(bytes), name).toBe(formatOf(name));
  });

  it.each([
    ["bmp", "BM\x36\x10\x0e\0\0\0\0\0\x36"],
    ["heic", "\0\0\0\x18ftypheic\0\0\0\0mif1heic"],
    ["svg", '<?xml version="1.0"?>\n<!-- drawn -->\n<svg width="1">'],
    ["ico", "\0\0\x01\0\x02\0"],
    ["psd", "8BPS\0\x01"],
    ["pdf", "%PDF-1.7"],
    ["netpbm", "P6\n2 2\n255\n"],
    ["jpeg-xl", "\xff\x0a\0"],
    ["jpeg-2000", "\0\0\0\x0cjP  \r\n"],
  ])("names %s, which is not decoded", (format, text) => {
    expect(sniffFormat(Buffer.from(text, "latin1"))).toBe(format);
    expect(isDecoded(sniffFormat(Buffer.from(text, "latin1")))).toBe(false);
  });

  it("knows nothing of other bytes, however few", () => {
    for (const text of ["", "R", "RIFF\0\0\0\0WAVE", "BMW", "hello", "\xff\xd8"]) {
      expect(sniffFormat(Buffer.from(text, "latin1"))).toBeUndefined();
    }
  });
});

describe("claimedSize", () => {
  it("reads the stored size of PNG, GIF, TIFF and three kinds of WebP", () => {
    for (const { name, bytes } of files) {
      const format = formatOf(name);
      if (format === "jpeg" || format === "avif") continue;
      const turned = name.startsWith("orientation");
      expect(claimedSize(bytes, format), name).toEqual({ width: turned ? 18 : 26, height: turned ? 26 : 18 });
    }
  });

  it("answers undefined for a header that is cut off", () => {
    for (const { name, bytes } of files)
      expect(claimedSize(bytes.subarray(0, 9), formatOf(name)), name).toBeUndefined();
  });
});

describe("endsTooEarly", () => {
  it("tells a whole file from one that was cut", () => {
    for (const { name, bytes } of files) {
      const format = formatOf(name);
      if (!["png", "webp", "tiff"].includes(format)) continue;
      expect(endsTooEarly(bytes, format, "some message"), name).toBe(false);
    }
    const png = readFileSync(referencePath("rgb.png"));
    expect(endsTooEarly(png.subarray(0, png.length - 20), "png", "")).toBe(true);
    expect(endsTooEarly(Buffer.alloc(50), "gif", "gifload_buffer: Unexpected end of GIF source data")).toBe(true);
    expect(endsTooEarly(Buffer.alloc(50), "gif", "gifload_buffer: Invalid frame data")).toBe(false);
  });
});
