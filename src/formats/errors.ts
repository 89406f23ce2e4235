export type FormatErrorCode =
  | "unreadable"
  | "unwritable"
  | "no-space"
  | "truncated"
  | "trailing-bytes"
  | "too-large"
  | "bad-magic"
  | "bad-header"
  | "bad-name"
  | "duplicate-name"
  | "unsupported-dtype"
  | "bad-shape"
  | "bad-offsets"
  | "bad-data"
  | "missing"
  | "refused"
  | "unsupported"
  | "damaged"
  | "closed";

export interface FormatErrorDetail {
  readonly code: FormatErrorCode;
  /** File, or "(memory)" for bytes that came from nowhere in particular. */
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  readonly advice?: string;
}

/** Bytes that are not what their format promises. Data first: `code`, `path`, `expected`, `actual`; `cause` where the system said no. */
export class FormatError extends Error {
  override readonly name = "FormatError";
  readonly code: FormatErrorCode;
  readonly path: string;
  readonly expected: string;
  readonly actual: string;

  constructor(detail: FormatErrorDetail, options?: { cause: unknown }) {
    const advice = detail.advice === undefined ? "" : ` ${detail.advice}`;
    super(`in ${detail.path}: expected ${detail.expected}, got ${detail.actual}.${advice}`, options);
    this.code = detail.code;
    this.path = detail.path;
    this.expected = detail.expected;
    this.actual = detail.actual;
  }
}

/** A file name or a piece of a header for a message: one line, at most 60 characters, nothing unprintable. */
export function excerpt(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(short);
}
