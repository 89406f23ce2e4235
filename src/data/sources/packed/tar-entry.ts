/**
 * Files inside of tar archives as files among others: the path of one says where its bytes lie, `shards/00000.tar/1536+20480/000001.jpg`
 * (offset and length in bytes). All that takes paths of pictures takes these, and no thread needs a table of the archive.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { BadPictureError } from "../../errors.js";
import { pathOnDisk } from "../names.js";

const ENTRY = /^(.*\.tar)\/(\d+)\+(\d+)\//is;

/** Where a file lies inside of an archive. */
export interface TarEntry {
  readonly archive: string;
  /** Bytes of the archive before the file's own. */
  readonly offset: number;
  readonly length: number;
}

/** The path of a file inside of an archive. @param name of the file in it */
export function pathOfEntry({ archive, offset, length }: TarEntry, name: string): string {
  return `${archive}/${offset}+${length}/${name}`;
}

/** Undefined for the path of an ordinary file. */
export function tarEntry(path: string): TarEntry | undefined {
  const [, archive, offset, length] = ENTRY.exec(path) ?? [];
  return archive === undefined ? undefined : { archive, offset: Number(offset), length: Number(length) };
}

/**
 * The bytes of such a file, or the first `most` of them. @param path for the error
 * @throws BadPictureError truncated, where the archive ends before them; the system's error where it cannot be read
 */
export function readTarEntry({ archive, offset, length }: TarEntry, path: string, most = length): Uint8Array {
  const file = openSync(pathOnDisk(archive), "r");
  try {
    const bytes = new Uint8Array(Math.min(length, most));
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(file, bytes, at, bytes.length - at, offset + at);
      if (count === 0) throw new BadPictureError("truncated", path, "the archive ends before the picture does");
      at += count;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}
