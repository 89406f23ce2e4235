import { join } from "node:path";
import { onDisk } from "./errors.js";
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
