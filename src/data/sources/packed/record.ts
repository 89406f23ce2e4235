/** From a picture to what is stored of it. */
import { decodeBytes, decodeFile, readPictureFile } from "../../decode.js";
import { BadPictureError } from "../../errors.js";
import { resampleNatively } from "../../resample/native-passes.js";
import { type Picture, resample } from "../../resample.js";
import { shorterSideSize } from "../../views.js";
import type { PackedRecord, Skipped } from "./shard.js";
import type { PackFormat } from "./source.js";

/** All that decides the bytes of a record. */
export interface RecordSettings {
  readonly format: PackFormat;
  /** The shorter side at most; smaller pictures stay as they are. Not for `files`. */
  readonly size: number | undefined;
  readonly channels: number;
  /** Of a JPEG, 1 to 100. */
  readonly quality: number;
  readonly maxPixels: number;
  readonly timeoutMs: number;
}

export type Made = { readonly record: PackedRecord } | { readonly bad: Omit<Skipped, "path"> };

/** The record of a file, or why there is none. @throws what is none of the picture's fault */
export async function make(path: string, settings: RecordSettings): Promise<Made> {
  try {
    const record = await recordOfFile(path, settings);
    return { record: { ...record, bytes: Uint8Array.from(record.bytes) } }; // in memory of its own: it may be handed over
  } catch (error) {
    if (error instanceof BadPictureError) return { bad: { code: error.code, reason: error.reason } };
    throw error;
  }
}

/**
 * The record of a file. Pictures are decoded exactly as Pillow does, and resized by its bicubic; `files` are decoded once,
 * so that nothing goes in that cannot be used.
 * @throws BadPictureError
 */
async function recordOfFile(path: string, settings: RecordSettings): Promise<PackedRecord> {
  const options = { ...settings, jpeg: "accurate" } as const;
  if (settings.format !== "files") return recordOf(await decodeFile(path, options), path, settings);
  const bytes = readPictureFile(path);
  const { picture } = await decodeBytes(bytes, path, options);
  const { height, width, channels } = picture;
  return { kind: "encoded", bytes, height, width, channels };
}

/** The record of pixels. @param path for the error only */
export async function recordOf(picture: Picture, path: string, settings: RecordSettings): Promise<PackedRecord> {
  const small = shrunk(picture, settings.size);
  const { data: bytes, height, width, channels } = small;
  if (settings.format !== "jpeg") return { kind: "pixels", bytes, height, width, channels };
  if (channels !== 1 && channels !== 3) {
    throw new BadPictureError("unsupported", path, `${channels} channels cannot be stored as JPEG`);
  }
  const { compressSync, FORMAT_GRAY, FORMAT_RGB, SAMP_420, SAMP_GRAY } = (await import("@julusian/jpeg-turbo")).default;
  const kind =
    channels === 1 ? { format: FORMAT_GRAY, subsampling: SAMP_GRAY } : { format: FORMAT_RGB, subsampling: SAMP_420 };
  const pixels = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const encoded = compressSync(pixels, { ...kind, width, height, quality: settings.quality });
  return { kind: "encoded", bytes: Uint8Array.from(encoded), height, width, channels };
}

function shrunk(picture: Picture, size: number | undefined): Picture {
  if (size === undefined || Math.min(picture.height, picture.width) <= size) return picture;
  return resample(picture, { ...shorterSideSize(picture, size), passes: resampleNatively });
}
