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

export interface RunErrorDetail {
  readonly code: RunErrorCode;
  /** The folder or file the error is about. */
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  readonly advice?: string;
}

/** Something about a run folder that is not as it must be. Data first: `code`, `path`, `expected`, `actual`; `cause` where the system said no. */
export class RunError extends Error {
  override readonly name = "RunError";
  readonly code: RunErrorCode;
  readonly path: string;
  readonly expected: string;
  readonly actual: string;

  constructor(detail: RunErrorDetail, options?: { cause: unknown }) {
    const advice = detail.advice === undefined ? "" : ` ${detail.advice}`;
    super(`in ${detail.path}: expected ${detail.expected}, got ${detail.actual}.${advice}`, options);
    this.code = detail.code;
    this.path = detail.path;
    this.expected = detail.expected;
    this.actual = detail.actual;
  }
}

/** The system's error code ("ENOENT", …), or undefined for anything that the system did not throw. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "syscall" in error && "code" in error ? String(error.code) : undefined;
}

/** Runs `act` and turns what the system refuses into a RunError about `path`; other errors pass as they are. */
export function onDisk<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined) throw cause;
    const full = code === "ENOSPC" || code === "EDQUOT";
    const detail: RunErrorDetail = {
      code: full ? "no-space" : "system",
      path,
      expected: full ? "room on the disk" : "a place that can be read and written",
      actual: (cause as Error).message,
      ...(full ? { advice: "What was saved before is untouched. Free some space and resume the run." } : {}),
    };
    throw new RunError(detail, { cause });
  }
}
