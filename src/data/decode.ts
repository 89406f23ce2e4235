/**
 * From a file to the picture that a person sees: upright (EXIF), in sRGB (or as stored), 8 bits, CMYK and grey as colours, alpha on
 * white, the first frame of an animation, floats and signed numbers of TIFFs scaled (decode/numbers.ts). Asked for other numbers of channels, bands as they are (decode/bands.ts). Ordinary JPEGs go through libjpeg-turbo, everything else, and whatever
 * libjpeg-turbo has doubts about, through sharp.
 *
 * A header's claim is checked before any pixel is decoded: a picture of more than `maxPixels` costs nothing.
 * A truncated file is bad, although most of it could be shown: its lower part would be grey. A JPEG damaged in the middle
 * is used, as viewers show it, and `facts.damaged` says so.
 */
import { readFileSync, statSync } from "node:fs";
import { BandError, decodeBands, needsBands } from "./decode/bands.js";
import { toChannels } from "./decode/colour.js";
import { claimedSize, endsTooEarly, isDecoded, type PictureFormat, sniffFormat } from "./decode/format.js";
import type { ColourMode } from "./decode/icc.js";
import { decodeOrdinaryJpeg, isOrdinaryJpeg, type JpegHeader, type JpegMode, readJpegHeader } from "./decode/jpeg.js";
import { NumbersError, type StoredNumbers } from "./decode/numbers.js";
import { orient } from "./decode/orientation.js";
import { type Choose, decodePiece, type Piece, type PieceOptions } from "./decode/piece.js";
import { decodeWithVips } from "./decode/vips.js";
import { BadPictureError } from "./errors.js";
import { hasChannels, withChannels } from "./loader/content.js";
import type { Picture } from "./resample.js";
import { isJpegName, pathOnDisk } from "./sources/names.js";
import { type RecordPath, readRecord, readRows, recordEntry, recordPath } from "./sources/packed/records.js";
import type { PackedRecord } from "./sources/packed/shard.js";
import { readTarEntry, tarEntry } from "./sources/packed/tar-entry.js";

export interface DecodeOptions {
  /** Pictures of more pixels are refused by their header. */
  readonly maxPixels: number;
  /** Milliseconds until the wait for one picture ends; the decoder's own thread may go on for a while. */
  readonly timeoutMs: number;
  /** 1 luma (Rec. 601), 3 RGB on white, 4 RGB with alpha; any other number of bands that the file must have. */
  readonly channels: number;
  /** Default "fast". */
  readonly jpeg?: JpegMode;
  /** Default "converted". */
  readonly colour?: ColourMode;
}

/** 64 megapixels: more than all but a few cameras make, 192 MB of pixels. */
export const DEFAULT_MAX_PIXELS = 64e6;
export const DEFAULT_TIMEOUT_MS = 30_000;
export const defaultDecodeOptions: DecodeOptions = {
  maxPixels: DEFAULT_MAX_PIXELS,
  timeoutMs: DEFAULT_TIMEOUT_MS,
  channels: 3,
};

/** How a picture was stored. */
export interface PictureFacts {
  readonly format: PictureFormat;
  readonly colour: "rgb" | "grey" | "cmyk";
  readonly bits: number;
  readonly alpha: boolean;
  readonly frames: number;
  readonly orientation: number;
  /** Decoded in spite of errors in the data: part of it may be garbled. */
  readonly damaged: boolean;
  /** Of a TIFF of floats, signed or 32-bit numbers: what was scaled to bytes (decode/numbers.ts). */
  readonly numbers?: StoredNumbers;
}

/** A decoded picture, and what its file says of it. */
export interface Decoded {
  readonly picture: Picture;
  readonly facts: PictureFacts;
}

/** Uncompressed 64 megapixels of 16-bit RGBA are half of this; a file beyond it is no training picture. */
const MOST_FILE_BYTES = 2 ** 30;
/** Pixels times scans of a progressive JPEG: about a minute of work. A hostile one asks for thousands of scans. */
const MOST_SCAN_WORK = 2 ** 32;

/**
 * Decodes one file to uint8 [height width channels].
 * @throws BadPictureError with a code for everything that can be wrong with one file
 */
export async function decodeFile(path: string, options: DecodeOptions): Promise<Picture> {
  return (await decodeBytes(readPictureFile(path), path, options)).picture;
}

/**
 * The part of a file's picture that is wanted, at once. Undefined where only `decodeFile` can say more: for everything but
 * sound, ordinary JPEGs by their name. The pixels are valid until the next call in this thread.
 */
export function decodePart(path: string, options: PieceOptions, choose: Choose): Piece | undefined {
  const record = recordPath(path);
  if (record === undefined && !isJpegName(path)) return undefined;
  try {
    if (record !== undefined && recordEntry(record).kind === "pixels") return partOfRecord(record, options, choose);
    return decodePiece(readPictureFile(path), options, choose);
  } catch (error) {
    if (error instanceof BadPictureError) return undefined; // decodeFile names it
    throw error;
  }
}

/** Of packed pixels the rows that are wanted; all of them, checked, where the record is read for the first time. */
function partOfRecord(record: RecordPath, options: PieceOptions, choose: Choose): Piece | undefined {
  const { height, width, channels } = recordEntry(record);
  if (channels !== options.channels || height * width > options.maxPixels) return undefined;
  const whole = { height, width };
  const { region } = choose(whole);
  if (options.toEnd) return { picture: pictureOf(readRecord(record)), whole, scale: 1, left: 0, top: 0 };
  const picture = readRows(record, region.top, region.height);
  return { picture, whole, scale: 1, left: 0, top: region.top };
}

function pictureOf({ bytes, height, width, channels }: PackedRecord): Picture {
  return { data: bytes, height, width, channels };
}

/**
 * The bytes of a file that might be a picture. Read in the thread: a worker has nothing else to do meanwhile.
 * @throws BadPictureError missing, unsupported (a folder, a pipe), empty, too-large, truncated (an archive)
 */
export function readPictureFile(path: string): Uint8Array {
  const record = recordPath(path);
  if (record !== undefined) return readRecord(record).bytes;
  const entry = tarEntry(path);
  try {
    if (entry !== undefined) {
      checkBytes(entry.length, path);
      return readTarEntry(entry, path);
    }
    const onDisk = pathOnDisk(path);
    const stats = statSync(onDisk); // before opening: opening a named pipe would wait for ever
    if (!stats.isFile()) throw new BadPictureError("unsupported", path, "not a regular file");
    checkBytes(stats.size, path);
    return readFileSync(onDisk);
  } catch (error) {
    if (error instanceof BadPictureError) throw error;
    throw new BadPictureError("missing", path, oneLine(error), error);
  }
}

function checkBytes(size: number, path: string): void {
  if (size === 0) throw new BadPictureError("empty", path, "the file has no bytes");
  if (size > MOST_FILE_BYTES) {
    throw new BadPictureError("too-large", path, `a file of ${size} bytes; the limit is ${MOST_FILE_BYTES}`);
  }
}

/**
 * As `decodeFile`, from bytes, and with what was found out on the way.
 * @param path for the error, and to know packed pixels, which say nothing of themselves
 */
export async function decodeBytes(bytes: Uint8Array, path: string, options: DecodeOptions): Promise<Decoded> {
  const record = recordPath(path);
  const entry = record && recordEntry(record);
  if (entry?.kind === "pixels") return unpacked({ ...entry, bytes }, path, options);
  const format = sniffFormat(bytes);
  if (!isDecoded(format)) {
    const what = format === undefined ? "no picture format that is known here" : `${format}, which is not read`;
    throw new BadPictureError("unsupported", path, `${what}; convert it to JPEG, PNG or WebP`);
  }
  const jpeg = format === "jpeg" ? readJpegHeader(bytes) : undefined;
  const size = format === "jpeg" ? jpeg : claimedSize(bytes, format);
  if (size !== undefined) checkSize(size, path, options.maxPixels);
  if (jpeg !== undefined && jpeg.width * jpeg.height * jpeg.scans > MOST_SCAN_WORK) {
    throw new BadPictureError("unsupported", path, `${jpeg.scans} scans over ${jpeg.width} × ${jpeg.height} pixels`);
  }
  try {
    if (needsBands(format, options.channels)) return await decodeAsBands({ bytes, format, path, options });
    const decoded = await withinTime(decodeSniffed(bytes, format, jpeg, options), options.timeoutMs);
    return { picture: toChannels(decoded.picture, options.channels as 1 | 3 | 4), facts: decoded.facts };
  } catch (error) {
    throw badPicture(error, { bytes, format, path, options });
  }
}

function unpacked(record: PackedRecord, path: string, options: DecodeOptions): Decoded {
  const picture = pictureOf(record);
  checkSize(picture, path, options.maxPixels);
  if (!hasChannels(record.channels, options.channels)) {
    throw new BadPictureError("unsupported", path, `packed with ${record.channels} channels, not ${options.channels}`);
  }
  const colour = record.channels === 1 ? "grey" : "rgb";
  const plain = { bits: 8, alpha: record.channels === 4, frames: 1, orientation: 1, damaged: false } as const;
  return { picture: withChannels(picture, options.channels), facts: { format: "npy", colour, ...plain } };
}

function checkSize(size: { width: number; height: number }, path: string, maxPixels: number): void {
  const { width, height } = size;
  if (width * height > maxPixels) {
    const reason = `${width} × ${height} pixels by its header; the limit is ${maxPixels / 1e6} million`;
    throw new BadPictureError("too-large", path, reason);
  }
  if (width === 0 || height === 0) throw new BadPictureError("empty", path, `${width} × ${height} pixels`);
}

async function decodeSniffed(
  bytes: Uint8Array,
  format: PictureFormat,
  jpeg: JpegHeader | undefined,
  options: DecodeOptions,
): Promise<Decoded> {
  const ordinary = jpeg !== undefined && isOrdinaryJpeg(jpeg, options.colour);
  if (ordinary) {
    const stored = await decodeOrdinaryJpeg(bytes, jpeg, options.jpeg).catch(() => undefined);
    if (stored !== undefined) return { picture: orient(stored, jpeg.orientation), facts: factsOfJpeg(jpeg) };
  }
  const { picture, metadata, numbers } = await decodeWithVips(bytes, options);
  if (jpeg !== undefined) return { picture, facts: { ...factsOfJpeg(jpeg), damaged: ordinary } };
  const colour = metadata.space === "cmyk" ? "cmyk" : metadata.channels <= 2 ? "grey" : "rgb";
  const facts = {
    format,
    colour,
    bits: numbers === undefined ? (BITS[metadata.depth] ?? 8) : Number(/\d+/.exec(numbers.type)?.[0]),
    alpha: metadata.hasAlpha,
    frames: metadata.pages ?? 1,
    orientation: metadata.orientation ?? 1,
    damaged: false,
    ...(numbers === undefined ? {} : { numbers }),
  } as const;
  return { picture, facts };
}

async function decodeAsBands({ bytes, format, path, options }: Attempt): Promise<Decoded> {
  const decoding = decodeBands(bytes, format, options.channels, options);
  const { picture, bits } = await withinTime(decoding, options.timeoutMs);
  checkSize(picture, path, options.maxPixels); // an array's; a TIFF has been checked by its header
  const facts = { format, colour: "grey", bits, alpha: false, frames: 1, orientation: 1, damaged: false } as const;
  return { picture, facts };
}

const BITS: Readonly<Record<string, number>> = { uchar: 8, ushort: 16 };

function factsOfJpeg(header: JpegHeader): PictureFacts {
  const colour = header.components === 1 ? "grey" : header.components === 4 ? "cmyk" : "rgb";
  const { precision: bits, orientation } = header;
  return { format: "jpeg", colour, bits, alpha: false, frames: 1, orientation, damaged: false };
}

class TimeLimitError extends Error {}

async function withinTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeLimitError(`took longer than ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

interface Attempt {
  readonly bytes: Uint8Array;
  readonly format: PictureFormat;
  readonly path: string;
  readonly options: DecodeOptions;
}

/** Puts a decoder's failure into one of the codes. */
function badPicture(error: unknown, { bytes, format, path, options }: Attempt): BadPictureError {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof BadPictureError) return error;
  if (error instanceof TimeLimitError || /^timeout/.test(message)) {
    return new BadPictureError("timeout", path, `decoding took longer than ${options.timeoutMs} ms`, error);
  }
  if (error instanceof BandError || error instanceof NumbersError)
    return new BadPictureError("unsupported", path, message, error);
  if (format === "tiff" && /samples out of range/.test(message)) {
    const reason = "numbers of more than 32 bits (float64); save it as float32, or as 8 or 16 bits without a sign";
    return new BadPictureError("unsupported", path, reason, error);
  }
  if (format === "tiff" && /exceeds channel limit/.test(message)) {
    const remedy = "more channels in one page than are read; use a page for each, or a .npy file";
    return new BadPictureError("unsupported", path, remedy, error);
  }
  if (/exceeds pixel limit/.test(message)) {
    return new BadPictureError("too-large", path, `more than ${options.maxPixels / 1e6} million pixels`, error);
  }
  if (/no frames in GIF/.test(message)) return new BadPictureError("empty", path, "a GIF without a frame", error);
  if (endsTooEarly(bytes, format, message)) {
    return new BadPictureError(
      "truncated",
      path,
      `the ${format.toUpperCase()} data ends before the picture does`,
      error,
    );
  }
  return new BadPictureError("unreadable", path, oneLine(error), error);
}

/** The last line of a decoder's message: the earlier ones are warnings. */
function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const lines = message
    .replace(/^Input buffer has corrupt header:/, "")
    .trim()
    .split("\n");
  return lines.at(-1)?.trim().slice(0, 200) || "broken header";
}
