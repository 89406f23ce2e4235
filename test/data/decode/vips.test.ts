import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeWithVips } from "../../../src/data/decode/vips.js";
import { makePicture, referencePath } from "../pictures.js";

const limits = { maxPixels: 1e6, timeoutMs: 10_000 };

describe("decodeWithVips", () => {
  it("keeps alpha, and turns what its metadata say is turned", async () => {
    const rgba = await decodeWithVips(readFileSync(referencePath("rgba.png")), limits);
    expect(rgba.picture).toMatchObject({ width: 26, height: 18, channels: 4 });
    const turned = await decodeWithVips(readFileSync(referencePath("orientation-6.webp")), limits);
    expect(turned.picture).toMatchObject({ width: 26, height: 18, channels: 3 });
    expect(turned.metadata).toMatchObject({ width: 18, height: 26, orientation: 6 });
  });

  it("refuses more pixels than the limit although it may know no header of the format", async () => {
    const avif = readFileSync(referencePath("colour.avif"));
    await expect(decodeWithVips(avif, { ...limits, maxPixels: 100 })).rejects.toThrow(/exceeds pixel limit/);
  });

  it("fails on a JPEG that ends too early", async () => {
    const bytes = await makePicture(2, 100, 80).jpeg().toBuffer();
    await expect(decodeWithVips(bytes.subarray(0, bytes.length >> 1), limits)).rejects.toThrow(/premature end/);
  });
});
