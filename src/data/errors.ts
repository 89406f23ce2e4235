/** What an error of this folder knows besides its text. `code` is stable, for programs; the rest is for people. */
export interface DataErrorDetails {
  readonly code: string;
  /** Where: a file, a folder, or the key of a config. */
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  /** What to do about it, as full sentences. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** Something is wrong with a data source as a whole: text and fields say where, what was expected, what came, what to do. */
export class DataError extends Error {
  override readonly name: string = "DataError";
  readonly code: string;
  readonly path: string;
  readonly expected: string;
  readonly actual: string;

  constructor(details: DataErrorDetails) {
    const { code, path, expected, actual, remedy, cause } = details;
    const advice = remedy === undefined ? "" : ` ${remedy}`;
    super(`in ${path}: expected ${expected}, got ${actual}.${advice}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.path = path;
    this.expected = expected;
    this.actual = actual;
  }

  /** `DataError in photos: expected …`: the form in which the command line prints it. */
  override toString(): string {
    return `${this.name} ${this.message}`;
  }
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

/** One picture that cannot be used. A run skips and counts it; it never ends a run by itself. */
export class BadPictureError extends Error {
  override readonly name: string = "BadPictureError";
  readonly code: BadPictureCode;
  readonly path: string;
  /** One line, without the path. */
  readonly reason: string;

  constructor(code: BadPictureCode, path: string, reason: string, cause?: unknown) {
    super(`in ${path}: ${code}: ${reason}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.path = path;
    this.reason = reason;
  }

  /** Where, what was expected: the same for every bad picture, so that it reads like the other errors of the project. */
  get expected(): string {
    return "a picture that can be decoded";
  }

  get actual(): string {
    return `${this.code}: ${this.reason}`;
  }

  override toString(): string {
    return `${this.name} ${this.message}`;
  }
}
