import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { onDisk, RunError } from "./errors.js";
import { readLines } from "./lines.js";
import { eventsFileName, parseEvent, type RunEvent } from "./schema.js";
import { writeAtomic } from "./write-atomic.js";

/** What was kept of the events and what was cut off. */
export interface EventCut {
  readonly keptBytes: number;
  readonly keptEvents: number;
  /** Step of the last event kept, 0 if there is none. */
  readonly lastStep: number;
  readonly cutLines: number;
  /** Where the lines cut off were put; undefined where there were none. */
  readonly cutPath: string | undefined;
}

/**
 * Cuts events.jsonl back to a checkpoint: the lines from the first event of a later step on, and a torn last line, go to
 * a new events.cut-<n>.jsonl. Steps never go back in the file, so that the cut is a truncation, which a crash cannot
 * leave half done; a crash before it leaves a second copy of the same lines, and nothing lost.
 * For whoever holds the folder's lock.
 * @throws RunError "bad-event" where a line that would be kept is damaged, "no-space", "system"
 */
export function cutEvents(folder: string, step: number): EventCut {
  const path = join(folder, eventsFileName);
  return onDisk(path, () => {
    const found = findCut(path, step);
    if (found.end === found.keptBytes) return { ...found, cutPath: undefined };
    const cutPath = freeName(folder);
    const descriptor = openSync(path, "r+");
    try {
      const bytes = Buffer.alloc(found.end - found.keptBytes);
      const got = readSync(descriptor, bytes, 0, bytes.length, found.keptBytes);
      writeAtomic(cutPath, bytes.subarray(0, got));
      ftruncateSync(descriptor, found.keptBytes);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    return { ...found, cutPath };
  });
}

function findCut(path: string, step: number): Omit<EventCut, "cutPath"> & { end: number } {
  let keptBytes = 0;
  let keptEvents = 0;
  let lastStep = 0;
  let cutLines = 0;
  let end = 0;
  let damage: RunError | undefined;
  for (const line of readLines(path)) {
    end = line.end;
    const event = line.whole ? tryParse(line.text, `${path}, line ${line.number}`) : undefined;
    if (event instanceof RunError) damage ??= event;
    const isKept = event !== undefined && !(event instanceof RunError) && event.step <= step;
    if (!isKept) {
      cutLines++;
    } else if (cutLines > 0) {
      throw damage ?? outOfOrder(`${path}, line ${line.number}`, event);
    } else {
      keptBytes = line.end;
      keptEvents++;
      lastStep = event.step;
    }
  }
  return { keptBytes, keptEvents, lastStep, cutLines, end };
}

function tryParse(text: string, path: string): RunEvent | RunError {
  try {
    return parseEvent(text, path);
  } catch (error) {
    if (error instanceof RunError) return error;
    throw error;
  }
}

function outOfOrder(path: string, event: RunEvent): RunError {
  const expected = "steps that never go back";
  return new RunError({
    code: "bad-event",
    path,
    expected,
    actual: `${event.type} of step ${event.step} after later ones`,
  });
}

function freeName(folder: string): string {
  for (let n = 1; ; n++) {
    const path = join(folder, `events.cut-${n}.jsonl`);
    if (!existsSync(path)) return path;
  }
}
