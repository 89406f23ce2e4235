/** JPEG's header, read without decoding, and the fast way to decode what is ordinary in it. */
import type { Box, Picture } from "../resample.js";
import { jpegAddon } from "./addon.js";
import { exifOrientation } from "./exif.js";
import { type ColourMode, isSrgbProfile } from "./icc.js";

/** Why a JPEG could not be decoded; `decodeFile` makes a BadPictureError of it. */
class JpegError extends Error {}

export interface JpegHeader {
  /** As stored, before the orientation is applied. */
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 colour, 4 CMYK. */
  readonly components: number;
  /** Bits of a sample. */
  readonly precision: number;
  readonly orientation: number;
  /** "srgb" also when there is none: that is what viewers assume. */
  readonly profile: "srgb" | "other";
  /** How many times the decoder has to go over the picture: 1 for a baseline file. */
  readonly scans: number;
  /** Sides in pixels of the blocks in which it is stored, where a part of it can be decoded; else undefined. */
  readonly block: readonly [width: number, height: number] | undefined;
}

/**
 * How JPEGs are decoded.
 * - `fast`: libjpeg-turbo's fast inverse DCT, as runs up to 0.1 have it: 0.8 levels of 255 darker than the exact one
 * - `accurate`: its exact inverse DCT, as Pillow and torchvision; some per cent slower
 * - `scaled`: as `accurate`, and a part that will be shrunk to half or less is decoded at 1/2, 1/4 or 1/8: other pixels,
 *   within the tolerance that test/data/decode/piece.test.ts states, several times faster on photographs of many megapixels
 */
export const JPEG_MODES = ["fast", "accurate", "scaled"] as const;
export type JpegMode = (typeof JPEG_MODES)[number];

const SOS = 0xda;
const APP1 = 0xe1;
const APP2 = 0xe2;

/** Markers without a length: TEM, RST0 … RST7, SOI. */
const isBare = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
/** SOF0 … SOF15 without DHT, JPG and DAC. */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
const isProgressive = (marker: number) => [0xc2, 0xc6, 0xca, 0xce].includes(marker);

/** Reads the segments up to the first scan (ITU T.81, annex B). Undefined when there is no well-formed frame header. */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  let profile: JpegHeader["profile"] = "srgb";
  let frame: { marker: number; at: number } | undefined;
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] as number;
    if (marker === 0xff || isBare(marker)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    const end = at + 2 + view.getUint16(at + 2);
    if (end > bytes.length) break;
    const body = bytes.subarray(at + 4, end);
    if (marker === APP1 && startsWith(body, "Exif\0")) orientation = exifOrientation(body.subarray(6));
    // 14 bytes: the name, which of how many parts. Tag table and primaries lie in the first part.
    if (marker === APP2 && startsWith(body, "ICC_PROFILE\0\x01"))
      profile = isSrgbProfile(body.subarray(14)) ? "srgb" : "other";
    if (isFrame(marker) && body.length >= 6) frame ??= { marker, at: at + 4 };
    if (marker === SOS) break;
    at = end;
  }
  if (frame === undefined) return undefined;
  return {
    precision: view.getUint8(frame.at),
    height: view.getUint16(frame.at + 1),
    width: view.getUint16(frame.at + 3),
    components: view.getUint8(frame.at + 5),
    orientation,
    profile,
    scans: isProgressive(frame.marker) ? countScans(bytes) : 1,
    block: blockOf(bytes.subarray(frame.at + 6, frame.at + 6 + 3 * view.getUint8(frame.at + 5))),
  };
}

/**
 * The block of a picture whose first component is sampled 1 or 2 times as finely as the others, all of which are 1 × 1: grey,
 * 4:4:4, 4:2:2, 4:4:0 and 4:2:0. @param components three bytes each: its number, its factors, its table
 */
function blockOf(components: Uint8Array): readonly [number, number] | undefined {
  const factors = [1, 4, 7].map((at) => components[at]);
  const [first = 0] = factors;
  const [across, down] = [first >> 4, first & 15];
  if (components.length === 3) return first === 0x11 ? [8, 8] : undefined;
  if (components.length !== 9) return undefined;
  const plain = factors[1] === 0x11 && factors[2] === 0x11 && across <= 2 && down <= 2 && across > 0 && down > 0;
  return plain ? [8 * across, 8 * down] : undefined;
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return [...text].every((character, i) => bytes[i] === character.charCodeAt(0));
}

function countScans(bytes: Uint8Array): number {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = Buffer.from([0xff, SOS]);
  let count = 0;
  for (let at = file.indexOf(mark); at !== -1; at = file.indexOf(mark, at + 2)) count++;
  return count;
}

/** Whether libjpeg-turbo alone gives the right colours: 8 bits, grey or three channels, no colour profile to apply. */
export function isOrdinaryJpeg(header: JpegHeader, colour: ColourMode = "converted"): boolean {
  const { width, height, components, precision, profile } = header;
  const isPlain = profile === "srgb" || colour === "stored";
  return width > 0 && height > 0 && precision === 8 && (components === 1 || components === 3) && isPlain;
}

/**
 * Above this many pixels times scans (a third of a second) decoding leaves the thread, so that a time limit can end the wait.
 * Below it the call stays in the thread: the thread pool behind asynchronous calls has four threads for the whole
 * process, and a dozen workers would wait for each other.
 */
const MOST_WORK_IN_THREAD = 16e6;
/** Parts have no other way: a second for what they cost at most. */
const MOST_WORK_OF_A_PART = 64e6;

const FAST_DCT = 1;
const ALL = 0;
const PART = 1;

/**
 * Decodes to RGB [height width 3], as stored. Throws when the decoder finds anything wrong, warnings included; the
 * message is worthless ("No error"): the binding asks the wrong handle for it. The binding also always takes the fast
 * inverse DCT: on photographs its pixels are 0.8 levels of 255 darker on average than those of the exact one, 13 at most seen.
 */
export async function decodeOrdinaryJpeg(
  bytes: Uint8Array,
  header: JpegHeader,
  mode: JpegMode = "fast",
): Promise<Picture> {
  const { width, height } = header;
  const large = width * height * header.scans > MOST_WORK_IN_THREAD;
  const addon = jpegAddon();
  if (addon !== undefined && (!large || mode !== "fast")) {
    const data = new Uint8Array(width * height * 3);
    const numbers = Int32Array.of(0, 0, width, height, 1, 1, mode === "fast" ? FAST_DCT : 0, ALL);
    if (addon.decodeJpeg(bytes, data, numbers) !== 0) throw new JpegError("libjpeg-turbo found something wrong");
    return { data, width, height, channels: 3 };
  }
  const turbo = await import("@julusian/jpeg-turbo");
  const { decompress, decompressSync, FORMAT_RGB } = turbo.default;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const options = { format: FORMAT_RGB };
  const decoded = large ? await decompress(file, options) : decompressSync(file, options);
  return { data: decoded.data, width: decoded.width, height: decoded.height, channels: 3 };
}

/** A window of the stored picture, and what it will be resized to. */
export interface JpegPart {
  readonly box: Box;
  /** How many times smaller the window will become, in the direction in which it shrinks less; below 1 it grows. */
  readonly shrinks: number;
  readonly mode: JpegMode;
  /** Read the file's data to its end, so that anything wrong with it is found. Undamaged files need that once. */
  readonly toEnd: boolean;
}

/** RGB of the window and what lies around it: its blocks, and one more, on which the outermost pixels depend. */
export interface DecodedPart {
  /** Its memory is used again for the next part of this thread. */
  readonly picture: Picture;
  /** Where the window lies in it; whole numbers unless scaled. */
  readonly box: Box;
  /** Of a pixel's side in the picture to one in the file: 1, or 1/2, 1/4, 1/8. */
  readonly scale: number;
}

/** Pixels are thrown away as soon as they are resampled: one block of memory a thread is enough. */
let scratch = new Uint8Array(0);

/**
 * Decodes a part, equal to the bit to the same pixels of the whole (at scale 1). Undefined where it cannot be done, or where
 * anything is wrong with the file: decode all of it then.
 */
export function decodeJpegPart(bytes: Uint8Array, header: JpegHeader, part: JpegPart): DecodedPart | undefined {
  const addon = jpegAddon();
  const { width, height, block } = header;
  if (addon === undefined || block === undefined || width * height * header.scans > MOST_WORK_OF_A_PART)
    return undefined;
  const divisor = part.mode === "scaled" ? divisorFor(part) : 1;
  const [wide, high] = [Math.ceil(width / divisor), Math.ceil(height / divisor)];
  const [across, down] = [block[0] / divisor, block[1] / divisor];
  const box = {
    left: part.box.left / divisor,
    top: part.box.top / divisor,
    right: part.box.right / divisor,
    bottom: part.box.bottom / divisor,
  };
  const left = Math.max(0, Math.floor(box.left / across) - 1) * across;
  const top = Math.max(0, Math.floor(box.top / down) - 1) * down;
  const right = Math.min(wide, (Math.ceil(box.right / across) + 1) * across);
  const bottom = part.toEnd ? high : Math.min(high, (Math.ceil(box.bottom / down) + 1) * down);
  const length = (right - left) * (bottom - top) * 3;
  if (scratch.length < length) scratch = new Uint8Array(length);
  const dct = part.mode === "fast" ? FAST_DCT : 0;
  const numbers = Int32Array.of(left, top, right - left, bottom - top, 1, divisor, dct, PART);
  if (addon.decodeJpeg(bytes, scratch, numbers) !== 0) return undefined;
  const picture = { data: scratch.subarray(0, length), width: right - left, height: bottom - top, channels: 3 };
  return {
    picture,
    box: { left: box.left - left, top: box.top - top, right: box.right - left, bottom: box.bottom - top },
    scale: 1 / divisor,
  };
}

/** The largest of 1, 2, 4, 8 at which the window still has as many pixels in both directions as it will be resized to. */
function divisorFor({ shrinks }: JpegPart): number {
  return shrinks >= 8 ? 8 : shrinks >= 4 ? 4 : shrinks >= 2 ? 2 : 1;
}
