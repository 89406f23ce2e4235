import { type ErrorDetails, LacunaError } from "../errors.js";

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

/** Bytes that are not what their format promises. `path` is a file, or "(memory)" for bytes that came from nowhere in particular. */
export class FormatError extends LacunaError {
  declare readonly code: FormatErrorCode;

  constructor(details: ErrorDetails<FormatErrorCode>) {
    super(details);
  }
}

/** A file name or a piece of a header for a message: one line, at most 60 characters, nothing unprintable. */
export function excerpt(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(short);
}
