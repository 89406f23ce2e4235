import { readFileSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { isSrgbProfile } from "../../../src/data/decode/icc.js";
import { referencePath } from "../pictures.js";

async function profileOf(name: string): Promise<Buffer> {
  const { icc } = await sharp(readFileSync(referencePath(name))).metadata();
  if (icc === undefined) throw new Error(`${name} has no profile`);
  return icc;
}

/** Profiles that libvips brings along, by other makers than Pillow's. */
async function builtIn(name: string): Promise<Buffer> {
  const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: "red" } });
  return (await sharp(await pixel.withIccProfile(name).png().toBuffer()).metadata()).icc as Buffer;
}

describe("isSrgbProfile", () => {
  it("knows sRGB of several makers by its primaries", async () => {
    expect(isSrgbProfile(await profileOf("srgb-profile.jpg"))).toBe(true);
    expect(isSrgbProfile(await builtIn("srgb"))).toBe(true);
  });

  it("does not take another space for it", async () => {
    expect(isSrgbProfile(await profileOf("other-profile.jpg"))).toBe(false);
    expect(isSrgbProfile(await builtIn("p3"))).toBe(false);
  });

  it("does not trust what is cut off or nonsense", async () => {
    const whole = await profileOf("srgb-profile.jpg");
    expect(isSrgbProfile(whole.subarray(0, 140))).toBe(false);
    expect(isSrgbProfile(Buffer.alloc(300, 0xff))).toBe(false);
    expect(isSrgbProfile(Buffer.alloc(0))).toBe(false);
  });
});
