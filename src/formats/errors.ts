import { type ErrorDetails, LacunaError } from "../errors.js";

const again = "Copy or download the file again.";
const others = "Save it again with the program that wrote it, in a form that is read here.";

/** What to do about each kind of error where nothing better is known. */
const remedies = {
  unreadable: "Check that it is there and that you may read it.",
  unwritable: "Choose another place.",
  "no-space": "Free some space and try again.",
  truncated: again,
  "trailing-bytes": again,
  "too-large": others,
  "bad-magic": "Check that it is the file that is meant.",
  "bad-header": again,
  "bad-name": "Give it another name.",
  "duplicate-name": "Give every tensor a name of its own.",
  "unsupported-dtype": "Convert it to another type first.",
  "bad-shape": again,
  "bad-offsets": again,
  "bad-data": again,
  missing: "Ask for one of those that it has.",
  refused: others,
  unsupported: others,
  damaged: again,
  closed: "Open it again.",
} as const;

export type FormatErrorCode = keyof typeof remedies;

/** Bytes that are not what their format promises. `path` is a file, or "(memory)" for bytes that came from nowhere in particular. */
export class FormatError extends LacunaError {
  declare readonly code: FormatErrorCode;

  constructor(details: ErrorDetails<FormatErrorCode>) {
    super({ ...details, remedy: details.remedy ?? remedies[details.code] });
  }
}

/** A file name or a piece of a header for a message: one line, at most 60 characters, nothing unprintable. */
export function excerpt(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(short);
}
