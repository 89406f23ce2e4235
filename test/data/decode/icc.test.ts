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

/** The profile with another tone curve, behind its end. @param numbers entries of a `curv`; type and parameters of a `para` */
function withCurve(profile: Buffer, type: "curv" | "para", numbers: readonly number[]): Buffer {
  const [first = 0, ...parameters] = numbers;
  const curve = Buffer.alloc(12 + (type === "curv" ? 2 * numbers.length : 4 * parameters.length));
  curve.write(type, "latin1");
  if (type === "curv") {
    curve.writeUInt32BE(numbers.length, 8);
    for (const [i, entry] of numbers.entries()) curve.writeUInt16BE(entry, 12 + 2 * i);
  } else {
    curve.writeUInt16BE(first, 8);
    for (const [i, parameter] of parameters.entries()) curve.writeInt32BE(parameter, 12 + 4 * i);
  }
  const changed = Buffer.concat([profile, curve]);
  for (const tag of ["rTRC", "gTRC", "bTRC"]) {
    const at = changed.indexOf(tag, 132, "latin1");
    changed.writeUInt32BE(profile.length, at + 4);
    changed.writeUInt32BE(curve.length, at + 8);
  }
  return changed;
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

  it("looks at the tone curve, of every type in which one is written, and not at the primaries alone", async () => {
    const srgb = await profileOf("srgb-profile.jpg");
    expect(isSrgbProfile(await profileOf("linear-profile.jpg"))).toBe(false);
    expect(isSrgbProfile(withCurve(srgb, "curv", []))).toBe(false);
    const power = (value: number) => Math.round(value * 65536);
    expect(isSrgbProfile(withCurve(srgb, "para", [0, power(2.2)]))).toBe(false);
    expect(isSrgbProfile(withCurve(srgb, "curv", [Math.round(2.2 * 256)]))).toBe(false);
    expect(isSrgbProfile(withCurve(srgb, "para", [9, power(2.4)]))).toBe(false);
    // The five parameters that IEC 61966-2-1 gives, and its curve as a table.
    const srgbFormula = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045].map(power);
    expect(isSrgbProfile(withCurve(srgb, "para", [3, ...srgbFormula]))).toBe(true);
    expect(isSrgbProfile(withCurve(srgb, "para", [4, ...srgbFormula, 0, 0]))).toBe(true);
    const table = Array.from({ length: 1024 }, (_, i) => {
      const level = i / 1023;
      return Math.round(65535 * (level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4));
    });
    expect(isSrgbProfile(withCurve(srgb, "curv", table))).toBe(true);
    expect(isSrgbProfile(withCurve(srgb, "curv", table).subarray(0, -600))).toBe(false);
  });

  it("leaves a profile with tables, which come before curves, to colour management", async () => {
    const srgb = Buffer.from(await profileOf("srgb-profile.jpg"));
    const at = srgb.indexOf("wtpt", 132, "latin1");
    srgb.write("A2B0", at, "latin1");
    expect(isSrgbProfile(srgb)).toBe(false);
  });

  it("does not trust what is cut off or nonsense", async () => {
    const whole = await profileOf("srgb-profile.jpg");
    expect(isSrgbProfile(whole.subarray(0, 140))).toBe(false);
    expect(isSrgbProfile(Buffer.alloc(300, 0xff))).toBe(false);
    expect(isSrgbProfile(Buffer.alloc(0))).toBe(false);
  });
});
