/**
 * The path that each worker is about to decode, noted in a small file: a native crash takes the whole process with it, and
 * these files then name the pictures that may have caused it. `doctor` or a resumed run can decode those in a process of
 * their own. The page cache keeps what was written when the process dies, so nothing is flushed: about 10 µs a picture.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";

const NAME = /^worker-\d+$/;

export class Note {
  readonly #file: number;
  #closed = false;

  /** Opens `<folder>/worker-<index>`, empty; makes the folder. */
  constructor(folder: string, index: number) {
    mkdirSync(folder, { recursive: true });
    this.#file = openSync(path.join(folder, `worker-${index}`), "w");
  }

  write(picturePath: string): void {
    if (!this.#closed) writeSync(this.#file, `${picturePath}\n`, 0);
  }

  clear(): void {
    if (!this.#closed) ftruncateSync(this.#file, 0);
  }

  /** What is noted stays. A decoder given up on may still call `clear`: by then the number may be another file's. */
  close(): void {
    if (!this.#closed) closeSync(this.#file);
    this.#closed = true;
  }
}

/**
 * The paths that were being decoded when a process ended without warning; empty after a clean end, or without the folder.
 * Most of them are innocent: try each in a process of its own.
 */
export function notedPaths(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => NAME.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const paths = names.sort().map((name) => readFileSync(path.join(folder, name), "utf8").replace(/\n$/, ""));
  return paths.filter((noted) => noted !== "");
}
