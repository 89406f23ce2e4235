/**
 * The path that each worker is about to decode, noted in a small file: a native crash takes the whole process with it, and
 * these files then name the pictures that may have caused it. `doctor` or a resumed run can decode those in a process of
 * their own. The page cache keeps what was written when the process dies, so nothing is flushed: about 10 µs a picture.
 * A full disk leaves pictures unnoted and stops nothing.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import path from "node:path";

const NAME = /^worker-\d+$/;

export class Note {
  readonly #file: number | undefined;
  #closed = false;

  /** Opens `<folder>/worker-<index>`, empty; makes the folder. */
  constructor(folder: string, index: number) {
    this.#file = allowed(() => {
      mkdirSync(folder, { recursive: true });
      return openSync(path.join(folder, `worker-${index}`), "w");
    });
  }

  write(picturePath: string): void {
    const file = this.#file;
    if (!this.#closed && file !== undefined) allowed(() => writeSync(file, `${picturePath}\n`, 0));
  }

  clear(): void {
    const file = this.#file;
    if (!this.#closed && file !== undefined) allowed(() => ftruncateSync(file, 0));
  }

  /** What is noted stays. A decoder given up on may still call `clear`: by then the number may be another file's. */
  close(): void {
    if (!this.#closed && this.#file !== undefined) closeSync(this.#file);
    this.#closed = true;
  }
}

/** What `act` gives, where the disk allows it. */
function allowed<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

/**
 * The paths that were being decoded when a process ended without warning; empty after a clean end, or without the folder.
 * Most of them are innocent: try each in a process of its own.
 */
export function notedPaths(folder: string): string[] {
  const paths = noteFiles(folder).map((file) => readFileSync(file, "utf8").replace(/\n$/, ""));
  return paths.filter((noted) => noted !== "");
}

/** Removes what an earlier process noted: a worker of this one that never gets a picture would leave it standing. */
export function forgetNotes(folder: string): void {
  for (const file of noteFiles(folder)) rmSync(file, { force: true });
}

function noteFiles(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => NAME.test(name));
    return names.sort().map((name) => path.join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
