import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { onDisk } from "./errors.js";

const temporaryName = /\.tmp-\d+-[0-9a-f]{8}$/;

/**
 * Replaces a file in one step: after a crash, a power cut or a full disk, `path` holds either the old content or the new
 * one, complete. The data and the folder's entry are on the disk when it returns.
 * @throws RunError "no-space" or "system"; the old file is untouched and the temporary one removed
 */
export function writeAtomic(path: string, content: Uint8Array | string): void {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  replaceAtomically(path, (temporary) => {
    const descriptor = openSync(temporary, "wx");
    try {
      writeFully(descriptor, bytes, 0);
    } finally {
      closeSync(descriptor);
    }
  });
}

/** The same for a file that `write` makes itself, under the temporary name in the same folder that it is given. */
export function replaceAtomically(path: string, write: (temporary: string) => void): void {
  const temporary = `${path}.tmp-${process.pid}-${randomBytes(4).toString("hex")}`;
  onDisk(path, () => {
    try {
      write(temporary);
      synchronise(temporary);
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    synchronise(dirname(path)); // without it a power cut may undo the rename
  });
}

/** Writes all of `bytes` from `position` on; one call of the system may write less. */
export function writeFully(descriptor: number, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.byteLength) {
    done += writeSync(descriptor, bytes, done, bytes.byteLength - done, position + done);
  }
}

/** Forces a file, or the entries of a folder, to the disk. */
export function synchronise(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Removes what killed writers left anywhere below a folder. Only for whoever holds the folder's lock. */
export function removeTemporaries(folder: string): void {
  onDisk(folder, () => {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && temporaryName.test(entry.name)) rmSync(join(entry.parentPath, entry.name), { force: true });
    }
  });
}

export function isTemporary(name: string): boolean {
  return temporaryName.test(name);
}
