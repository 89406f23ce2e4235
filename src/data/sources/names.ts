/** Names of files that are no UTF-8: as texts in which each byte that is none stands as `\\xe9`, as shells print it. */
import { existsSync } from "node:fs";

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

/** By the name alone. */
export function isJpegName(path: string): boolean {
  return /\.(jpe?g|jpe|jfif)$/i.test(path);
}
