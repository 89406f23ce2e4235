/** Everything that is not an ordinary JPEG goes through sharp (libvips). */
import type { Metadata, Sharp } from "sharp";
import type { Picture } from "../resample.js";
import { cmykToRgb } from "./colour.js";

export interface VipsLimits {
  readonly maxPixels: number;
  readonly timeoutMs: number;
}

type SharpModule = typeof import("sharp");
let loaded: Promise<SharpModule["default"]> | undefined;

/**
 * Loads sharp at its first use: libvips takes tenths of a second and tens of megabytes, and a folder of plain JPEGs
 * never needs it. One thread a picture and no cache: pictures are decoded side by side, each once.
 */
export function loadSharp(): Promise<SharpModule["default"]> {
  loaded ??= import("sharp").then(({ default: sharp }) => {
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  });
  return loaded;
}

export interface VipsPicture {
  /** RGB or RGBA, upright. */
  readonly picture: Picture;
  readonly metadata: Metadata;
}

/**
 * Decodes the first frame or page to upright 8-bit RGB or RGBA. An embedded colour profile is applied; 16 bits keep
 * their upper byte; CMYK without a profile is taken as paper minus ink.
 * Fails on truncated and seriously damaged files, not on harmless oddities (`failOn: "error"`).
 */
export async function decodeWithVips(bytes: Uint8Array, limits: VipsLimits): Promise<VipsPicture> {
  const sharp = await loadSharp();
  const options = { failOn: "error", limitInputPixels: limits.maxPixels, sequentialRead: true } as const;
  const metadata = await sharp(bytes, options).metadata();
  const pipeline = sharp(bytes, options)
    .timeout({ seconds: Math.max(1, Math.ceil(limits.timeoutMs / 1000)) })
    .autoOrient();
  const plainCmyk = metadata.space === "cmyk" && metadata.icc === undefined;
  if (!plainCmyk) return { picture: await pixelsOf(pipeline.toColourspace("srgb")), metadata };
  const inks = await pixelsOf(pipeline.pipelineColourspace("cmyk").toColourspace("cmyk"));
  return { picture: cmykToRgb(inks), metadata };
}

async function pixelsOf(pipeline: Sharp): Promise<Picture> {
  const { data, info } = await pipeline.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}
