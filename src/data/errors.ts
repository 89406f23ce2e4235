import { LacunaError } from "../errors.js";

/** Something is wrong with a data source as a whole. */
export class DataError extends LacunaError {}

/** What makes batches or records came to an end that no picture is to blame for. @param path whose work it was */
export function workerFailed(path: string, actual: string, cause?: unknown): DataError {
  const remedy =
    "Run it again; with data.workers = 0 the program itself decodes, and an error shows where it comes from.";
  return new DataError({ code: "worker", path, expected: "threads that decode until the end", actual, remedy, cause });
}

/**
 * Why one picture cannot be used.
 * - `missing`: the file is not there or may not be read
 * - `empty`: no bytes, or a side of zero pixels
 * - `unsupported`: the bytes are not a picture of a format that is read here
 * - `unreadable`: the header or the pixels are broken
 * - `truncated`: the file ends before the picture does
 * - `too-large`: more pixels than the limit; refused by its header, never decoded
 * - `timeout`: decoding took longer than allowed
 * - `crashed`: decoding brought its process down (only met where a process of its own decodes, and after a crash)
 */
export const BAD_PICTURE_CODES = [
  "missing",
  "empty",
  "unsupported",
  "unreadable",
  "truncated",
  "too-large",
  "timeout",
  "crashed",
] as const;

export type BadPictureCode = (typeof BAD_PICTURE_CODES)[number];

const remedies: Readonly<Record<BadPictureCode, string>> = {
  missing: "Check its path, and whether you may read it.",
  empty: "Remove it, or copy it again.",
  unsupported: "Convert it, or leave it out.",
  unreadable: "Copy it again, or leave it out.",
  truncated: "Copy it again: its end is missing.",
  "too-large": "Make a smaller copy of it.",
  timeout: "Open and save it in another program, or leave it out.",
  crashed: "Open and save it in another program, or leave it out.",
};

/** One picture that cannot be used. A run skips and counts it; it never ends a run by itself. */
export class BadPictureError extends LacunaError {
  declare readonly code: BadPictureCode;
  /** One line, without the path. */
  readonly reason: string;

  constructor(code: BadPictureCode, path: string, reason: string, cause?: unknown) {
    const data = { expected: "a picture that can be decoded", actual: `${code}: ${reason}`, remedy: remedies[code] };
    super({ problem: `${data.actual}.`, code, path, ...data, cause });
    this.reason = reason;
  }
}
