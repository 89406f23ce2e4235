/**
 * Names of picture files, and what lies at a path. A name that is no UTF-8 is a text in which each byte that is none stands as
 * `\\xe9`, as shells print it. Commands read this before the library is loaded: it imports nothing of ours.
 */
import { existsSync, type Stats, statSync } from "node:fs";
import { extname } from "node:path";

/** Extensions of each format that is decoded, in lower case. */
export const EXTENSIONS = {
  jpeg: [".jpg", ".jpeg", ".jfif", ".jpe"],
  png: [".png"],
  webp: [".webp"],
  gif: [".gif"],
  tiff: [".tif", ".tiff"],
  avif: [".avif"],
  npy: [".npy"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

const { npy: arrays, ...pictures } = EXTENSIONS;

/** Those of pictures. Arrays are pictures only where a folder has no other: files of features must not become some. */
export const PICTURE_EXTENSIONS: ReadonlySet<string> = new Set(Object.values(pictures).flat());

function hasOneOf(extensions: Iterable<string>): (path: string) => boolean {
  const known = new Set(extensions);
  return (path) => known.has(extname(path).toLowerCase());
}

/** Whether a file's name is one of a picture that is read here. */
export const hasPictureName = hasOneOf(PICTURE_EXTENSIONS);
/** An array [H W C]. */
export const hasArrayName = hasOneOf(arrays);
/** By the name alone. */
export const isJpegName = hasOneOf(EXTENSIONS.jpeg);

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of a name or of a list of names. */
export function textOfBytes(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return escaped(bytes);
  }
}

function escaped(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((count) => isText(bytes.subarray(at, at + count)));
    if (length === undefined) text += `\\x${(bytes[at] as number).toString(16)}`;
    else text += utf8.decode(bytes.subarray(at, at + length));
    at += length ?? 1;
  }
  return text;
}

function isText(bytes: Uint8Array): boolean {
  try {
    return utf8.decode(bytes) !== "";
  } catch {
    return false;
  }
}

/** What the system is asked for: the bytes of such a name, unless a file has the escaped text for its name. */
export function pathOnDisk(path: string): string | Buffer {
  if (!/\\x[89a-f][0-9a-f]/.test(path) || existsSync(path)) return path;
  const parts = path.split(/\\x([89a-f][0-9a-f])/); // text and two digits in turn
  return Buffer.concat(parts.map((part, i) => Buffer.from(part, i % 2 === 1 ? "hex" : "utf8")));
}

/**
 * What lies at a path, links followed. Undefined where nothing can be reached: no entry, a link to itself or through a
 * file, a folder that may not be entered.
 */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(pathOnDisk(path));
  } catch {
    return undefined;
  }
}
