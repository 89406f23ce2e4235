import { type ErrorDetails, LacunaError } from "../errors.js";

export type RunErrorCode =
  | "run-exists"
  | "folder-not-empty"
  | "not-a-run"
  | "bad-run-file"
  | "newer-format"
  | "bad-event"
  | "event-order"
  | "run-locked"
  | "no-space"
  | "system"
  | "closed";

/** Something about a run folder that is not as it must be. */
export class RunError extends LacunaError {
  declare readonly code: RunErrorCode;

  constructor(details: ErrorDetails<RunErrorCode>) {
    super(details);
  }
}

/** The system's error code ("ENOENT", …), or undefined for anything that the system did not throw. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "syscall" in error && "code" in error ? String(error.code) : undefined;
}

/** The system refused to read or write a file, of a run or any other. `code` is "no-space" or "system". */
export class FileError extends RunError {}

interface Refusal {
  readonly expected: string;
  readonly actual: string;
  readonly remedy: string;
}

const denied = refusal(
  "a place that you may read and write",
  "no permission",
  "Change its permissions, or choose another place.",
);

function refusal(expected: string, actual: string, remedy: string): Refusal {
  return { expected, actual, remedy };
}

function full(actual: string): Refusal {
  return refusal(
    "room on the disk",
    actual,
    "Free some space, or choose another place; what was saved before is untouched.",
  );
}

/** What the system refused, in words, and what to do about it. */
const refusals: Readonly<Record<string, Refusal>> = {
  ENOSPC: full("no space left on the device"),
  EDQUOT: full("no space left in the quota"),
  EROFS: refusal("a place that can be written to", "a read-only disk", "Choose another place."),
  EACCES: denied,
  EPERM: denied,
  ENOENT: refusal("a path that is there", "none", "Check it; a folder to write into must exist."),
  ENOTDIR: refusal("a folder", "a file in its place", "Choose another place."),
  EISDIR: refusal("a file", "a folder", "Choose another name."),
  EEXIST: refusal("a folder", "a file in its place", "Choose another place."),
  EIO: refusal(
    "a disk that works",
    "an error of the device",
    "Look at the system's log (dmesg) before you use that disk again.",
  ),
};

/**
 * Runs `act` and turns what the system refuses into a FileError about `path`, also where another error than a RunError has it
 * as its cause; other errors pass as they are.
 */
export function onDisk<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const cause = systemCode(error) === undefined ? (error as { cause?: unknown } | undefined)?.cause : error;
    const code = systemCode(cause);
    if (code === undefined || error instanceof RunError) throw error;
    const isFull = code === "ENOSPC" || code === "EDQUOT";
    const known = refusals[code];
    throw new FileError({
      code: isFull ? "no-space" : "system",
      path,
      cause,
      ...(known === undefined
        ? { expected: "a place that can be read and written", actual: (cause as Error).message }
        : { ...known, actual: `${known.actual} (${code})` }),
    });
  }
}
