/** Everything that is not an ordinary JPEG goes through sharp (libvips). */
import type { Metadata, Sharp } from "sharp";
import type { Picture } from "../resample.js";
import { cmykToRgb } from "./colour.js";
import { decodeNumbers, numberType, type StoredNumbers } from "./numbers.js";
import { loadSharp, type VipsLimits } from "./sharp.js";

export interface VipsPicture {
  /** RGB or RGBA, upright. */
  readonly picture: Picture;
  readonly metadata: Metadata;
  /** Where they are none that pictures usually have. */
  readonly numbers?: StoredNumbers;
}

/**
 * Decodes the first frame or page to upright 8-bit RGB or RGBA. An embedded colour profile is applied, or left out where pixels are
 * wanted as stored; 16 bits keep their upper byte; CMYK without a profile is taken as paper minus ink.
 * Fails on truncated and seriously damaged files, not on harmless oddities (`failOn: "error"`).
 */
export async function decodeWithVips(bytes: Uint8Array, limits: VipsLimits): Promise<VipsPicture> {
  const sharp = await loadSharp();
  const ignoreIcc = limits.colour === "stored";
  const options = { failOn: "error", limitInputPixels: limits.maxPixels, sequentialRead: true, ignoreIcc } as const;
  const metadata = await sharp(bytes, options).metadata();
  if (numberType(metadata) !== undefined) return { ...(await decodeNumbers(bytes, metadata, limits)), metadata };
  const pipeline = sharp(bytes, options)
    .timeout({ seconds: Math.max(1, Math.ceil(limits.timeoutMs / 1000)) })
    .autoOrient();
  const plainCmyk = metadata.space === "cmyk" && (ignoreIcc || metadata.icc === undefined);
  if (!plainCmyk) return { picture: await pixelsOf(pipeline.toColourspace("srgb")), metadata };
  const inks = await pixelsOf(pipeline.pipelineColourspace("cmyk").toColourspace("cmyk"));
  return { picture: cmykToRgb(inks), metadata };
}

async function pixelsOf(pipeline: Sharp): Promise<Picture> {
  const { data, info } = await pipeline.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}
