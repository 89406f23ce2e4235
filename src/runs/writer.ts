import { closeSync, fsyncSync, ftruncateSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { cutEvents, type EventCut } from "./cut.js";
import { onDisk, RunError } from "./errors.js";
import { acquireLock, isLock, type RunLock } from "./lock.js";
import { isRunFolder, readRunFile } from "./run-file.js";
import {
  eventsFileName,
  formatEvent,
  formatRun,
  parseRun,
  type RunEvent,
  type RunFile,
  type RunStatus,
  runFileName,
} from "./schema.js";
import { isTemporary, makeFolder, removeTemporaries, synchronise, writeAtomic, writeFully } from "./write-atomic.js";

const flushMs = 1000;
const flushCharacters = 1 << 16;

/**
 * The one writer of a run folder; holds its lock from `create` or `resume` to `close`. Events are on their way to the disk
 * within a second and safely there after `sync`, a checkpoint event and an end event.
 *
 * To save a checkpoint so that a crash at any moment can be resumed without a gap in the events: append everything up to
 * its step, `sync()`, put the checkpoint in place (`replaceAtomically`), append its event.
 */
export class RunWriter {
  private pending: string[] = [];
  private pendingCharacters = 0;
  private lastFlush = performance.now();
  private timer: NodeJS.Timeout | undefined;
  private failure: Error | undefined;
  private isClosed = false;

  private constructor(
    readonly folder: string,
    private current: RunFile,
    /** What `resume` cut off; undefined for a new run. */
    readonly cut: EventCut | undefined,
    private readonly lock: RunLock,
    private readonly descriptor: number,
    private position: number,
    private lastStep: number,
  ) {}

  /**
   * Begins a run in a folder that is new or empty. `overwrite` clears a folder that holds a run, and only such a one.
   * @throws RunError "run-exists", "folder-not-empty", "run-locked", "no-space", "system"
   */
  static async create(
    folder: string,
    run: RunFile,
    options: { readonly overwrite?: boolean } = {},
  ): Promise<RunWriter> {
    parseRun(formatRun(run), join(folder, runFileName)); // before anything is touched
    makeFolder(folder);
    const overwrite = options.overwrite === true;
    checkFree(folder, overwrite);
    return holding(await acquireLock(folder), (lock) => {
      checkFree(folder, overwrite); // another may have begun in the meantime
      if (overwrite) clear(folder);
      const fresh: RunFile = { ...run, status: "running" };
      writeAtomic(join(folder, runFileName), formatRun(fresh));
      const descriptor = openEvents(folder);
      return new RunWriter(folder, fresh, undefined, lock, descriptor, 0, 0);
    });
  }

  /**
   * Goes on with a run from the checkpoint at `step`: everything in events.jsonl after that step is moved to
   * events.cut-<n>.jsonl, kept for whoever wants to know, read by nothing. `cut.lastStep` tells the step of the last event
   * kept: lower than `step` if the log ends before the checkpoint.
   * @throws RunError "not-a-run", "newer-format", "bad-run-file", "bad-event", "run-locked", "no-space", "system"
   */
  static async resume(folder: string, step: number): Promise<RunWriter> {
    readRunFile(folder);
    return holding(await acquireLock(folder), (lock) => {
      removeTemporaries(folder);
      const run: RunFile = { ...readRunFile(folder), status: "running" };
      const cut = cutEvents(folder, step);
      writeAtomic(join(folder, runFileName), formatRun(run));
      return new RunWriter(folder, run, cut, lock, openEvents(folder), cut.keptBytes, cut.lastStep);
    });
  }

  /** run.json as last written. */
  get run(): RunFile {
    return this.current;
  }

  /** What the lock had to clear away, if anything. */
  get lockNote(): string | undefined {
    return this.lock.note;
  }

  /**
   * Adds an event. Steps never go back. An end event also sets the status in run.json.
   * @throws RunError "bad-event", "event-order", "closed"; "no-space" or "system", also for an earlier event whose writing failed
   */
  append(event: RunEvent): void {
    this.checkOpen();
    this.throwFailure();
    const path = join(this.folder, eventsFileName);
    if (event.step < this.lastStep) {
      const expected = `an event of step ${this.lastStep} or later`;
      throw new RunError({ code: "event-order", path, expected, actual: `${event.type} of step ${event.step}` });
    }
    const line = formatEvent(event, path);
    this.lastStep = event.step;
    this.pending.push(line);
    this.pendingCharacters += line.length;
    if (event.type === "checkpoint" || event.type === "end") this.sync();
    else if (this.pendingCharacters > flushCharacters || performance.now() - this.lastFlush >= flushMs) this.flush();
    else this.flushSoon();
    if (event.type === "end") this.setStatus(event.reason);
  }

  /** Returns when all events are on the disk. @throws RunError "no-space", "system"; the events are kept for the next try */
  sync(): void {
    this.checkOpen();
    this.flush();
    onDisk(join(this.folder, eventsFileName), () => fsyncSync(this.descriptor));
  }

  /** Writes what is left and lets go of the folder, also when the writing fails; a second call does nothing. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    clearTimeout(this.timer);
    try {
      this.sync();
    } finally {
      this.isClosed = true;
      closeSync(this.descriptor);
      this.lock.release();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private setStatus(status: RunStatus): void {
    this.current = { ...this.current, status };
    writeAtomic(join(this.folder, runFileName), formatRun(this.current));
  }

  private checkOpen(): void {
    if (this.isClosed) {
      throw new RunError({ code: "closed", path: this.folder, expected: "an open run", actual: "a closed one" });
    }
  }

  private throwFailure(): void {
    const failure = this.failure;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  private flushSoon(): void {
    this.timer ??= setTimeout(() => {
      try {
        this.flush();
      } catch (error) {
        this.failure = error as Error; // nobody waits here: the next call throws it
      }
    }, flushMs).unref();
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.failure = undefined; // what failed is still pending and tried again now
    this.lastFlush = performance.now();
    if (this.pending.length === 0) return;
    const bytes = Buffer.from(this.pending.join(""));
    onDisk(join(this.folder, eventsFileName), () => {
      try {
        writeFully(this.descriptor, bytes, this.position);
      } catch (error) {
        tryTruncate(this.descriptor, this.position); // half a line must not stay in the middle of the file
        throw error;
      }
    });
    this.position += bytes.length;
    this.pending = [];
    this.pendingCharacters = 0;
  }
}

function holding(lock: RunLock, begin: (lock: RunLock) => RunWriter): RunWriter {
  try {
    return begin(lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

function openEvents(folder: string): number {
  const path = join(folder, eventsFileName);
  return onDisk(path, () => {
    const isNew = statSync(path, { throwIfNoEntry: false }) === undefined;
    const descriptor = openSync(path, isNew ? "wx" : "r+");
    if (isNew) synchronise(folder);
    return descriptor;
  });
}

function checkFree(folder: string, overwrite: boolean): void {
  const names = onDisk(folder, () => readdirSync(folder)).filter((name) => !isLock(name) && !isTemporary(name));
  if (names.length === 0) return;
  if (!isRunFolder(folder)) {
    const some = names.slice(0, 3).join(", ");
    throw new RunError({
      code: "folder-not-empty",
      path: folder,
      expected: "a new or empty folder for the run",
      actual: `one that holds ${names.length} other things (${some}${names.length > 3 ? ", …" : ""})`,
      remedy: "Choose another --out.",
    });
  }
  if (overwrite) return;
  throw new RunError({
    code: "run-exists",
    path: folder,
    expected: "a folder without a run",
    actual: "one that holds a run",
    remedy: `Go on with it (lacuna resume ${folder}), choose another --out, or replace it with --overwrite.`,
  });
}

/** Empties a run folder; run.json goes last, so that a folder half emptied is still known for a run. */
function clear(folder: string): void {
  onDisk(folder, () => {
    const names = readdirSync(folder).filter((name) => !isLock(name) && name !== runFileName);
    for (const name of [...names, runFileName]) rmSync(join(folder, name), { recursive: true, force: true });
  });
}

function tryTruncate(descriptor: number, length: number): void {
  try {
    ftruncateSync(descriptor, length);
  } catch {
    // the error that led here says more
  }
}
