/** JPEG's header, read without decoding, and the fast way to decode what is ordinary in it. */
import type { Picture } from "../resample.js";
import { exifOrientation } from "./exif.js";
import { isSrgbProfile } from "./icc.js";

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
}

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
  };
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
export function isOrdinaryJpeg(header: JpegHeader): boolean {
  const { width, height, components, precision, profile } = header;
  return width > 0 && height > 0 && precision === 8 && (components === 1 || components === 3) && profile === "srgb";
}

/**
 * Above this many pixels times scans (a third of a second) decoding leaves the thread, so that a time limit can end the wait.
 * Below it the call stays in the thread: the thread pool behind asynchronous calls has four threads for the whole
 * process, and a dozen workers would wait for each other.
 */
const MOST_WORK_IN_THREAD = 16e6;

/**
 * Decodes to RGB [height width 3], as stored. Throws when the decoder finds anything wrong, warnings included; the
 * message is worthless ("No error"): the binding asks the wrong handle for it. The binding also always takes the fast
 * inverse DCT: on photographs its pixels are 0.8 levels of 255 darker on average than those of the exact one, 13 at most seen.
 */
export async function decodeOrdinaryJpeg(bytes: Uint8Array, header: JpegHeader): Promise<Picture> {
  const turbo = await import("@julusian/jpeg-turbo");
  const { decompress, decompressSync, FORMAT_RGB } = turbo.default;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const large = header.width * header.height * header.scans > MOST_WORK_IN_THREAD;
  const options = { format: FORMAT_RGB };
  const { data, width, height } = large ? await decompress(file, options) : decompressSync(file, options);
  return { data, width, height, channels: 3 };
}
