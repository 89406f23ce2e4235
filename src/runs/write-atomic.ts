import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { onDisk } from "./errors.js";

/** Linux moves at most 2^31 − 4096 bytes in one call. */
const largestTransfer = 2 ** 30;

const temporaryName = /\.tmp-\d+-[0-9a-f]{8}$/;

/**
 * Replaces a file in one step: after a crash, a power cut or a full disk, `path` holds either the old content or the new
 * one, complete. The data and the folder's entry are on the disk when it returns.
 * @throws FileError "no-space" or "system"; the old file is untouched and the temporary one removed
 */
export function writeAtomic(path: string, content: Uint8Array | string): void {
  using file = new AtomicFile(path);
  file.write(content);
  AtomicFile.commit(file);
}

/** The same for a file that `write` makes itself, under the temporary name in the same folder that it is given. */
export function replaceAtomically(path: string, write: (temporary: string) => void): void {
  if (isDevice(path)) {
    onDisk(path, () => write(path));
    return;
  }
  const temporary = temporaryOf(path);
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

/**
 * A file written piece by piece that appears under its name whole, or not at all: what stood there before stays until it is
 * committed, and what is not committed is removed. A device or a pipe is written as it is.
 * @throws FileError "no-space", "system"
 */
export class AtomicFile implements Disposable {
  readonly #isDevice: boolean;
  readonly #temporary: string;
  #descriptor: number | undefined;
  #end = 0;

  constructor(readonly path: string) {
    this.#isDevice = isDevice(path);
    this.#temporary = this.#isDevice ? path : temporaryOf(path);
    this.#descriptor = onDisk(path, () => openSync(this.#temporary, this.#isDevice ? "w" : "wx"));
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#end;
  }

  /** Writes behind what is there, or over it from `position` on. */
  write(content: Uint8Array | string, position = this.#end): void {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    const at = this.#isDevice && position === this.#end ? undefined : position; // a pipe has no positions
    onDisk(this.path, () => writeFully(this.#descriptor as number, bytes, at));
    this.#end = Math.max(this.#end, position + bytes.byteLength);
  }

  /** Puts files in place that belong together: none before all of them are on the disk. */
  static commit(...files: readonly AtomicFile[]): void {
    const proper = files.filter((file) => !file.#isDevice);
    for (const file of proper) onDisk(file.path, () => fsyncSync(file.#descriptor as number));
    for (const file of files) file.#close();
    for (const file of proper) onDisk(file.path, () => renameSync(file.#temporary, file.path));
    // Without it a power cut may undo the rename.
    for (const folder of new Set(proper.map(({ path }) => dirname(path)))) onDisk(folder, () => synchronise(folder));
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  [Symbol.dispose](): void {
    this.#close();
    if (!this.#isDevice) rmSync(this.#temporary, { force: true });
  }
}

/** Whether a file can be written there, asked before anything long begins. @throws FileError as writing it would */
export function checkWritable(path: string): void {
  if (isDevice(path)) return;
  onDisk(path, () => {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) openSync(path, "r+"); // EISDIR
  });
  new AtomicFile(path)[Symbol.dispose]();
}

/** Makes a folder and those above it. @throws FileError */
export function makeFolder(path: string): void {
  onDisk(path, () => makeAll(resolve(path)));
}

/** Node's own recursive call says of a read-only disk that the folder is missing. */
function makeAll(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  makeAll(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error; // another process was quicker
  }
}

/** `/dev/null`, a pipe: nothing may be put in its place. */
function isDevice(path: string): boolean {
  const stat = onDisk(path, () => statSync(path, { throwIfNoEntry: false }));
  return stat !== undefined && !stat.isFile() && !stat.isDirectory();
}

function temporaryOf(path: string): string {
  return `${path}.tmp-${process.pid}-${randomBytes(4).toString("hex")}`;
}

/** Writes all of `bytes`, from `position` on or at the file's own; one call of the system may write less. */
export function writeFully(descriptor: number, bytes: Uint8Array, position?: number): void {
  let done = 0;
  while (done < bytes.byteLength) {
    const wanted = Math.min(bytes.byteLength - done, largestTransfer);
    done += writeSync(descriptor, bytes, done, wanted, position === undefined ? null : position + done);
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
