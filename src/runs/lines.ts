import { closeSync, openSync, readSync } from "node:fs";
import { systemCode } from "./errors.js";

const chunkBytes = 1 << 16;
/** No event is this long; what is, is damage, and must not fill the memory. */
const longestLine = 1 << 24;

/** A line of a file: its bytes from `start` to `end`, newline excluded from `text`, included in `end`. */
export interface Line {
  /** From 1 for the first line read. */
  readonly number: number;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** False for a last line that does not end in a newline: a write that a crash cut short. */
  readonly whole: boolean;
}

/** The lines of a file from a byte offset on, read piece by piece. A missing file has none. A line of 16 MiB ends there. */
export function* readLines(path: string, from = 0): Generator<Line> {
  const descriptor = openIfThere(path);
  if (descriptor === undefined) return;
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    let rest: Buffer = Buffer.alloc(0);
    let start = from;
    let position = from;
    let number = 1;
    for (;;) {
      const got = readSync(descriptor, chunk, 0, chunkBytes, position);
      if (got === 0) break;
      position += got;
      rest = Buffer.concat([rest, chunk.subarray(0, got)]);
      let begin = 0;
      for (let end = lineEnd(rest, begin); end > 0; end = lineEnd(rest, begin)) {
        const text = rest.toString("utf8", begin, end - 1);
        yield { number, text, start: start + begin, end: start + end, whole: true };
        begin = end;
        number++;
      }
      rest = rest.subarray(begin);
      start += begin;
      if (rest.length > longestLine) break;
    }
    if (rest.length > 0) yield { number, text: rest.toString(), start, end: start + rest.length, whole: false };
  } finally {
    closeSync(descriptor);
  }
}

function lineEnd(bytes: Buffer, begin: number): number {
  return bytes.indexOf(0x0a, begin) + 1;
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
