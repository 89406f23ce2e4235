import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { onDisk } from "./errors.js";
import { type Line, readLines } from "./lines.js";
import { eventsFileName, parseEvent } from "./schema.js";
import { replaceAtomically, writeAtomic, writeFully } from "./write-atomic.js";

/** What was kept of the events and what was cut off. */
export interface EventCut {
  readonly keptBytes: number;
  readonly keptEvents: number;
  /** Step of the last event kept, 0 if there is none. */
  readonly lastStep: number;
  readonly cutLines: number;
  /** Where the lines cut off were put; undefined where there were none. */
  readonly cutPath: string | undefined;
  /** Numbers of lines before the cut that are no events of their place: damaged, or of a later step than what follows. */
  readonly asideLines: readonly number[];
  /** Where these were put. */
  readonly asidePath: string | undefined;
}

/**
 * Cuts events.jsonl back to a checkpoint: the lines from the first event of a later step on, and a torn last line, go to
 * a new events.cut-<n>.jsonl. Steps never go back in the file, so that the cut is a truncation, which a crash cannot
 * leave half done; a crash before it leaves a second copy of the same lines, and nothing lost. Lines before the cut that
 * cannot be read go to events.damaged-<n>.jsonl, and the rest is put in the file's place as a whole.
 * For whoever holds the folder's lock.
 * @throws RunError "no-space", "system"
 */
export function cutEvents(folder: string, step: number): EventCut {
  const path = join(folder, eventsFileName);
  return onDisk(path, () => {
    const { kept, aside, cut, ...found } = sort(path, step);
    const asideLines = aside.map(({ number }) => number);
    const keptBytes = kept.reduce((sum, { start, end }) => sum + end - start, 0);
    const moved = { ...found, keptBytes, asideLines, cutLines: cut.lines };
    if (aside.length + cut.lines === 0) return { ...moved, cutPath: undefined, asidePath: undefined };
    const descriptor = openSync(path, "r+");
    try {
      const asidePath = aside.length === 0 ? undefined : moveTo(descriptor, aside, freeName(folder, "damaged"));
      const cutPath = cut.lines === 0 ? undefined : moveTo(descriptor, [cut], freeName(folder, "cut"));
      if (aside.length > 0) replaceAtomically(path, (temporary) => copyTo(descriptor, kept, temporary));
      else truncate(descriptor, keptBytes);
      return { ...moved, cutPath, asidePath };
    } finally {
      closeSync(descriptor);
    }
  });
}

type Range = Pick<Line, "start" | "end">;

interface Sorted {
  /** What stays, in order; neighbours as one range. */
  readonly kept: readonly Range[];
  readonly keptEvents: number;
  readonly lastStep: number;
  readonly aside: readonly (Range & { number: number })[];
  readonly cut: Range & { readonly lines: number };
}

/** Which lines stay, which are damage between them, and what comes after the last that stays. */
function sort(path: string, step: number): Sorted {
  const kept: { start: number; end: number }[] = [];
  const aside: (Range & { number: number })[] = [];
  let [keptEvents, lastStep, end] = [0, 0, 0];
  let doubtful: (Range & { number: number })[] = [];
  for (const { number, text, start, end: after, whole } of readLines(path)) {
    end = after;
    const at = whole ? parseEvent(text)?.step : undefined;
    if (at === undefined || at > step) {
      doubtful.push({ number, start, end: after });
      continue;
    }
    const last = kept.at(-1);
    if (last?.end === start) last.end = after;
    else kept.push({ start, end: after });
    aside.push(...doubtful); // an event of its place follows them
    doubtful = [];
    keptEvents++;
    lastStep = Math.max(lastStep, at);
  }
  const start = doubtful[0]?.start ?? end;
  return { kept, keptEvents, lastStep, aside, cut: { start, end, lines: doubtful.length } };
}

function moveTo(descriptor: number, ranges: readonly Range[], path: string): string {
  writeAtomic(path, Buffer.concat(ranges.map((range) => read(descriptor, range))));
  return path;
}

function copyTo(from: number, ranges: readonly Range[], path: string): void {
  const to = openSync(path, "wx");
  try {
    let position = 0;
    for (const range of ranges) {
      const bytes = read(from, range);
      writeFully(to, bytes, position);
      position += bytes.length;
    }
  } finally {
    closeSync(to);
  }
}

function read(descriptor: number, { start, end }: Range): Buffer {
  const bytes = Buffer.alloc(end - start);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, start));
}

function truncate(descriptor: number, length: number): void {
  ftruncateSync(descriptor, length);
  fsyncSync(descriptor);
}

function freeName(folder: string, kind: "cut" | "damaged"): string {
  for (let n = 1; ; n++) {
    const path = join(folder, `events.${kind}-${n}.jsonl`);
    if (!existsSync(path)) return path;
  }
}
