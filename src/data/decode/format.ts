/** What a file is, judged by its first bytes and never by its name, and the size that its header claims. */
import { readTiffTags, TIFF_HEIGHT, TIFF_STRIP_BYTES, TIFF_STRIP_OFFSET, TIFF_WIDTH } from "./exif.js";

/** The formats that are decoded. */
export type PictureFormat = "jpeg" | "png" | "webp" | "gif" | "tiff" | "avif" | "npy";

/** Formats that people put among their pictures and that are not decoded: named so that the advice can be exact. */
export type ForeignFormat = "bmp" | "heic" | "svg" | "ico" | "jpeg-xl" | "jpeg-2000" | "psd" | "pdf" | "netpbm";

/** What a file of each kind begins with; several beginnings where a format has several. */
const FOREIGN: readonly (readonly [ForeignFormat, ...string[]])[] = [
  ["ico", "\0\0\x01\0", "\0\0\x02\0"],
  ["jpeg-xl", "\xff\x0a", "\0\0\0\x0cJXL "],
  ["jpeg-2000", "\0\0\0\x0cjP  ", "\xff\x4f\xff\x51"],
  ["psd", "8BPS"],
  ["pdf", "%PDF-"],
];

/** The format of a file from its first bytes (256 are enough); undefined when they are of nothing known. */
export function sniffFormat(bytes: Uint8Array): PictureFormat | ForeignFormat | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 256)).toString("latin1");
  const begins = (...texts: string[]) => texts.some((text) => head.startsWith(text));
  if (begins("\xff\xd8\xff")) return "jpeg";
  if (begins("\x89PNG\r\n\x1a\n")) return "png";
  if (begins("GIF87a", "GIF89a")) return "gif";
  if (begins("\x93NUMPY")) return "npy";
  if (begins("RIFF") && head.slice(8, 12) === "WEBP") return "webp";
  if (begins("II*\0", "II+\0", "MM\0*", "MM\0+")) return "tiff";
  if (head.slice(4, 8) === "ftyp") {
    const brands = head.slice(8, Math.max(16, bytes[3] ?? 0));
    if (/avi[fs]/.test(brands)) return "avif";
    if (/hei[cxms]|hev[cx]|mif1|msf1/.test(brands)) return "heic";
  }
  if (begins("BM") && head.slice(6, 10) === "\0\0\0\0") return "bmp";
  if (/^P[1-7]\s/.test(head)) return "netpbm";
  if (/^\s*(<\?xml[^>]*>\s*)?(<!(--[\s\S]*?--|DOCTYPE[^>]*)>\s*)*<svg[\s>]/.test(head)) return "svg";
  return FOREIGN.find(([, ...texts]) => begins(...texts))?.[0];
}

export function isDecoded(format: PictureFormat | ForeignFormat | undefined): format is PictureFormat {
  return ["jpeg", "png", "webp", "gif", "tiff", "avif", "npy"].includes(format ?? "");
}

interface ClaimedSize {
  readonly width: number;
  readonly height: number;
}

/**
 * The size in pixels that the header of a PNG, GIF, WebP or TIFF claims, before any orientation; undefined where the
 * header is too short or odd for this reader (the decoder's own limit stands behind it). JPEG has its own reader.
 */
export function claimedSize(bytes: Uint8Array, format: PictureFormat): ClaimedSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (format === "png" && bytes.length >= 24) return { width: view.getUint32(16), height: view.getUint32(20) };
  if (format === "gif" && bytes.length >= 10)
    return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  if (format === "webp" && bytes.length >= 30) return webpSize(view);
  if (format === "tiff") {
    const tags = readTiffTags(bytes);
    const width = tags.get(TIFF_WIDTH);
    const height = tags.get(TIFF_HEIGHT);
    if (width !== undefined && height !== undefined) return { width, height };
  }
  return undefined;
}

/** RFC 9649: three kinds of first chunk, three ways to write the size. */
function webpSize(view: DataView): ClaimedSize | undefined {
  const chunk = view.getUint32(12);
  const uint24 = (at: number) => view.getUint16(at, true) + view.getUint8(at + 2) * 0x10000;
  if (chunk === 0x56503858) return { width: uint24(24) + 1, height: uint24(27) + 1 }; // "VP8X"
  if (chunk === 0x56503820) {
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff }; // "VP8 "
  }
  if (chunk === 0x5650384c) {
    const bits = view.getUint32(21, true); // "VP8L"
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  return undefined;
}

/**
 * Whether a file that failed to decode ends before its picture does. The decoders' messages tell it for JPEG, GIF and
 * AVIF; the others say where they end.
 */
export function endsTooEarly(bytes: Uint8Array, format: PictureFormat, message: string): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (format === "png") return !pngReachesEnd(view);
  if (format === "webp") return bytes.length < 12 || view.getUint32(4, true) + 8 > bytes.length;
  if (format === "tiff") return !tiffIsThere(bytes);
  return /premature end|unexpected end|bad seek|end of file/i.test(message);
}

/** Walks the chunks (length, type, data, checksum) to IEND. */
function pngReachesEnd(view: DataView): boolean {
  let at = 8;
  while (at + 12 <= view.byteLength) {
    if (view.getUint32(at + 4) === 0x49454e44) return true;
    at += 12 + view.getUint32(at);
  }
  return false;
}

/** Whether the first directory lies within the file, and its strip, where the picture is one strip. */
function tiffIsThere(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const littleEndian = bytes[0] === 0x49;
  const directory = bytes.length < 8 ? Number.POSITIVE_INFINITY : view.getUint32(4, littleEndian);
  if (directory + 2 > bytes.length) return false;
  if (directory + 2 + 12 * view.getUint16(directory, littleEndian) > bytes.length) return false;
  const tags = readTiffTags(bytes);
  return (tags.get(TIFF_STRIP_OFFSET) ?? 0) + (tags.get(TIFF_STRIP_BYTES) ?? 0) <= bytes.length;
}
