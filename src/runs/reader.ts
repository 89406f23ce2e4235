import { join } from "node:path";
import { onDisk, RunError } from "./errors.js";
import { readLines } from "./lines.js";
import { lockHolder } from "./lock.js";
import { readRunFile } from "./run-file.js";
import { eventsFileName, parseEvent, type RunEvent, type RunFile, type RunStatus } from "./schema.js";

/** A run folder as it was at one moment; also of a run that is under way. */
export interface OpenedRun {
  readonly folder: string;
  readonly run: RunFile;
  readonly events: readonly RunEvent[];
  /** `running` only while a process holds the folder; `killed` where run.json says running and nobody does. */
  readonly state: RunStatus | "killed";
  /** Bytes of a last line that a crash, or a writer at this moment, left without its end. */
  readonly tornBytes: number;
  /** Numbers of lines that are no events, from 1: they are left out. `resume` puts them into a file of their own. */
  readonly damagedLines: readonly number[];
}

/**
 * Reads a run folder.
 * @throws RunError "not-a-run", "newer-format", "bad-run-file", "system"
 */
export function openRun(folder: string): OpenedRun {
  const run = readRunFile(folder);
  const path = join(folder, eventsFileName);
  const events: RunEvent[] = [];
  const damagedLines: number[] = [];
  let tornBytes = 0;
  onDisk(path, () => {
    for (const line of readLines(path)) {
      const event = line.whole ? parseEvent(line.text) : undefined;
      if (event !== undefined) events.push(event);
      else if (line.whole) damagedLines.push(line.number);
      else tornBytes = line.end - line.start;
    }
  });
  const isAlive = run.status !== "running" || lockHolder(folder) !== undefined;
  return { folder, run, events, state: isAlive ? run.status : "killed", tornBytes, damagedLines };
}

/**
 * Reads several run folders; those that cannot be read are named with the reason, and end nothing.
 * @throws RunError as `openRun` does, where none can be read
 */
export function openRuns(folders: readonly string[]): {
  readonly opened: OpenedRun[];
  readonly unread: readonly { readonly folder: string; readonly reason: string }[];
} {
  const opened: OpenedRun[] = [];
  const errors: { folder: string; error: RunError }[] = [];
  for (const folder of folders) {
    try {
      opened.push(openRun(folder));
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      errors.push({ folder, error });
    }
  }
  const [first] = errors;
  if (opened.length === 0 && first !== undefined) throw first.error;
  return { opened, unread: errors.map(({ folder, error }) => ({ folder, reason: error.message })) };
}
