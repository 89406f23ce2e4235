/**
 * Pictures of any number of channels: a `.npy` array [H W] or [H W C] of bytes or 16-bit numbers, or a TIFF whose pages
 * are the bands (a page may hold a few itself). Bands are taken as they are, without colour management or orientation;
 * 16 bits keep their upper byte, so spread what uses fewer over the whole range first.
 */
import { parseNpy } from "../../formats/npy.js";
import type { Picture } from "../resample.js";
import type { PictureFormat } from "./format.js";
import { numberType } from "./numbers.js";
import { loadSharp } from "./sharp.js";

export interface BandLimits {
  readonly maxPixels: number;
  readonly timeoutMs: number;
}

/** Why a picture has not the channels that were asked for; the caller knows its path. */
export class BandError extends Error {}

/** More than sharp, which stops at five, or anybody's sensor gives. */
const MOST_BANDS = 4096;

/** Channels of a file of such a kind: what decodes it depends on how many are asked for. */
export function needsBands(format: PictureFormat, channels: number): boolean {
  return format === "npy" || ![1, 3, 4].includes(channels);
}

/**
 * All bands of a file, and how many bits they had.
 * @throws BandError where the file has not exactly `channels` bands of one size; FormatError for a broken array
 */
export async function decodeBands(
  bytes: Uint8Array,
  format: PictureFormat,
  channels: number,
  limits: BandLimits,
): Promise<{ picture: Picture; bits: number }> {
  if (format !== "npy" && format !== "tiff") {
    throw new BandError(
      `${format.toUpperCase()} has no ${channels} channels; use a TIFF with a page for each, or a .npy file [H W ${channels}]`,
    );
  }
  const found = format === "npy" ? arrayPicture(bytes) : await pagesOf(bytes, limits);
  if (found.picture.channels !== channels)
    throw new BandError(`${found.picture.channels} channels, where data.channels is ${channels}`);
  return found;
}

/** [height width channels] of an array's shape; undefined where it is none of a picture. */
export function arraySize(shape: readonly number[]): readonly [number, number, number] | undefined {
  const [height = 0, width = 0, channels = 1] = shape;
  const isPicture = shape.length === 2 || (shape.length === 3 && channels <= MOST_BANDS);
  return isPicture && height > 0 && width > 0 && channels > 0 ? [height, width, channels] : undefined;
}

function arrayPicture(bytes: Uint8Array): { picture: Picture; bits: number } {
  const { dtype, shape, data } = parseNpy(bytes);
  const size = arraySize(shape);
  if (size === undefined || (dtype !== "U8" && dtype !== "U16"))
    throw new BandError(`an array ${dtype} [${shape.join(" ")}] is no picture: uint8 or uint16 [H W C] is`);
  const [height, width, channels] = size;
  const upper = dtype === "U8" ? data.slice() : data.filter((_, i) => i % 2 === 1); // little-endian
  return { picture: { data: upper, height, width, channels }, bits: dtype === "U8" ? 8 : 16 };
}

async function pagesOf(bytes: Uint8Array, limits: BandLimits): Promise<{ picture: Picture; bits: number }> {
  const sharp = await loadSharp();
  const options = { failOn: "error", limitInputPixels: limits.maxPixels } as const;
  const { pages = 1 } = await sharp(bytes, options).metadata();
  if (pages > MOST_BANDS) throw new BandError(`${pages} pages; at most ${MOST_BANDS} are read`);
  const bands: Uint8Array[] = [];
  let [width, height, bits] = [0, 0, 8];
  for (let page = 0; page < pages; page++) {
    const reader = sharp(bytes, { ...options, page });
    const metadata = await reader.metadata();
    const type = numberType(metadata);
    if (type !== undefined)
      throw new BandError(`page ${page} holds ${type}; bands are 8 or 16 bits without a sign, so save them as these`);
    const timed = reader.timeout({ seconds: Math.max(1, Math.ceil(limits.timeoutMs / 1000)) });
    const { data, info } = await timed.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    if (page > 0 && (info.width !== width || info.height !== height))
      throw new BandError(`page ${page} is ${info.width} × ${info.height}, the first ${width} × ${height}`);
    [width, height] = [info.width, info.height];
    if (metadata.depth !== "uchar") bits = 16;
    // A grey band comes three times, before what else the page holds.
    const isGrey = metadata.space === "b-w" || metadata.space === "grey16";
    for (let band = 0; band < info.channels; band++) {
      if (isGrey && (band === 1 || band === 2)) continue;
      bands.push(data.filter((_, i) => i % info.channels === band));
    }
  }
  return { picture: interleaved(bands, height, width), bits };
}

function interleaved(bands: readonly Uint8Array[], height: number, width: number): Picture {
  const channels = bands.length;
  const data = new Uint8Array(height * width * channels);
  for (const [c, band] of bands.entries())
    for (let i = 0, to = c; i < band.length; i++, to += channels) data[to] = band[i] as number;
  return { data, height, width, channels };
}
