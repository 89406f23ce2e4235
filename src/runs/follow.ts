import { closeSync, fstatSync, openSync, readSync, watch } from "node:fs";
import { join } from "node:path";
import { onDisk, systemCode } from "./errors.js";
import { readLines } from "./lines.js";
import { eventsFileName, parseEvent, type RunEvent } from "./schema.js";

export interface FollowOptions {
  /** The file is looked at this often at least; changes that the system reports are seen sooner. */
  readonly pollMs?: number;
}

/**
 * The events of a run, those that are there and then those that come, until `signal` is aborted. Waits for a folder that
 * is not there yet. A resume cuts the file back and goes on with a `start` event whose `resumedFrom` says how far: whoever
 * collects events drops those of later steps when it comes.
 * @throws RunError "system"
 */
export async function* follow(
  folder: string,
  signal: AbortSignal,
  options: FollowOptions = {},
): AsyncGenerator<RunEvent, void, undefined> {
  const path = join(folder, eventsFileName);
  const place = new Place(path);
  const stopped = (): boolean => signal.aborted; // it changes while we wait
  while (!stopped()) {
    const events = onDisk(path, () => place.news());
    for (const event of events) {
      yield event;
      if (stopped()) return;
    }
    if (events.length === 0) await change(folder, signal, options.pollMs ?? 500);
  }
}

/** How far a file has been read; notices when it was cut back and written on. */
class Place {
  private position = 0;
  /** The last line read, as it must still stand before `position`. */
  private tail: Buffer = Buffer.alloc(0);
  private readonly starts = new Set<string>();

  constructor(private readonly path: string) {}

  /** At most some thousand events at a time, so that a long file does not fill the memory. */
  news(): RunEvent[] {
    if (!this.stillStands()) this.findAgain();
    const events: RunEvent[] = [];
    for (const line of readLines(this.path, this.position)) {
      if (!line.whole || events.length === 4096) break;
      const event = parseEvent(line.text);
      if (event?.type === "start") this.starts.add(line.text);
      if (event !== undefined) events.push(event); // a damaged line is left out, as `openRun` does
      this.position = line.end;
      this.tail = Buffer.from(`${line.text}\n`);
    }
    return events;
  }

  private stillStands(): boolean {
    if (this.position === 0) return true;
    let descriptor: number;
    try {
      descriptor = openSync(this.path, "r");
    } catch (error) {
      if (systemCode(error) === "ENOENT") return false;
      throw error;
    }
    try {
      const there = Buffer.alloc(this.tail.length);
      const got = readSync(descriptor, there, 0, there.length, this.position - this.tail.length);
      return fstatSync(descriptor).size >= this.position && got === there.length && there.equals(this.tail);
    } finally {
      closeSync(descriptor);
    }
  }

  /** What stands before the first start that is new was read before the cut; without one, all of it was. */
  private findAgain(): void {
    this.position = 0;
    this.tail = Buffer.alloc(0);
    for (const line of readLines(this.path)) {
      if (!line.whole) break;
      if (parseEvent(line.text)?.type === "start" && !this.starts.has(line.text)) break;
      this.position = line.end;
      this.tail = Buffer.from(`${line.text}\n`);
    }
  }
}

/** Resolves when something in the folder changed, the time is over or the signal came. */
function change(folder: string, signal: AbortSignal, pollMs: number): Promise<void> {
  return new Promise((resolve) => {
    const watcher = tryWatch(folder, done);
    const timer = setTimeout(done, pollMs);
    signal.addEventListener("abort", done);
    function done(): void {
      clearTimeout(timer);
      watcher?.close();
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}

function tryWatch(folder: string, listener: () => void): ReturnType<typeof watch> | undefined {
  try {
    // An error (the folder went away, no watches left) only means that the clock has to do.
    return watch(folder, { persistent: false }, listener).on("error", () => undefined);
  } catch {
    return undefined;
  }
}
