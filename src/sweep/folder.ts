/**
 * The folder of a sweep: `sweep.json` says what it is, `points/<id>` are run folders, `results/<id>.json` hold what each
 * point was judged by. Where the sweep stands is read from these alone, so that it can be killed at any moment.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError } from "../errors.js";
import { onDisk, RunError } from "../runs/errors.js";
import { acquireLock, isLock, type RunLock } from "../runs/lock.js";
import { isRunFolder, readRunFile } from "../runs/run-file.js";
import type { RunFile } from "../runs/schema.js";
import { isTemporary, makeFolder, removeTemporaries, writeAtomic } from "../runs/write-atomic.js";
import { differences } from "../train/checkpoint.js";
import { parseConfig, type RunConfig } from "../train/config.js";

const formatVersion = 1;
const sweepFileName = "sweep.json";
/** What a league was made into (league.ts): there before the first point. */
export const leagueFileName = "league.json";

const recordSchema = z.object({
  formatVersion: z.literal(formatVersion),
  title: z.string(),
  command: z.string(),
  points: z.array(z.object({ id: z.string(), config: z.record(z.string(), z.unknown()) })),
});

const measurementSchema = z.object({
  /** The checkpoint's, and how it was judged: another of either is judged anew. */
  step: z.int().min(0),
  setting: z.string(),
  /** 0 … 1 */
  accuracy: z.number().min(0).max(1),
  meanPerClass: z.number().min(0).max(1).optional(),
  /** That were judged; not known of what earlier versions measured. */
  pictures: z.int().min(1).optional(),
  seconds: z.number().min(0),
});
/** One measure of one point, as the sweep's folder keeps it. */
export type Measurement = z.output<typeof measurementSchema>;

const resultsSchema = z.object({
  formatVersion: z.literal(formatVersion),
  measures: z.record(z.string(), measurementSchema),
  failure: z
    .object({ code: z.string(), message: z.string(), step: z.int().min(0) })
    .optional()
    .describe("where the training ended in something that it would end in again"),
});
/** All measures of one point, or why it failed. */
export type PointResults = z.output<typeof resultsSchema>;

/** A point with its configuration, checked. */
export interface RecordedPoint {
  readonly id: string;
  readonly config: RunConfig;
}

/** The one process that works on a sweep; close it. */
export class SweepFolder {
  private constructor(
    readonly path: string,
    private readonly lock: RunLock,
  ) {}

  /**
   * Makes the folder, or goes on with it. Points may be added and taken away; one that has begun keeps its configuration.
   * @throws ConfigError "changed-point", RunError "folder-not-empty", "run-locked", "no-space", "system"
   */
  static async open(
    path: string,
    what: { title: string; command: string; points: readonly RecordedPoint[] },
  ): Promise<SweepFolder> {
    refuseForeign(path);
    makeFolder(path);
    const lock = await acquireLock(path);
    try {
      const folder = new SweepFolder(path, lock);
      const before = readRecord(path);
      for (const point of what.points)
        folder.#checkUnchanged(
          point,
          before?.points.find(({ id }) => id === point.id),
        );
      const kept = (before?.points ?? []).filter(({ id }) => !what.points.some((point) => point.id === id));
      const record = { formatVersion, ...what, points: [...what.points, ...kept] };
      writeAtomic(join(path, sweepFileName), `${JSON.stringify(record, null, 2)}\n`);
      for (const name of ["points", "results"]) makeFolder(join(path, name));
      removeTemporaries(join(path, "results"));
      return folder;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  run(id: string): string {
    return join(this.path, "points", id);
  }

  close(): void {
    this.lock.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  save(id: string, results: Omit<PointResults, "formatVersion">): void {
    writeAtomic(resultsPath(this.path, id), `${JSON.stringify({ formatVersion, ...results }, null, 2)}\n`);
  }

  #checkUnchanged({ id, config }: RecordedPoint, before: { config: Record<string, unknown> } | undefined): void {
    if (before === undefined || !isRunFolder(this.run(id))) return;
    const changed = differences(comparable(parseConfig(before.config)), comparable(config));
    if (changed.length === 0) return;
    throw new ConfigError({
      problem: `the point ${id} has begun with another configuration (${changed.slice(0, 5).join("; ")}).`,
      code: "changed-point",
      path: this.path,
      expected: before.config,
      actual: config,
      remedy: `Undo the change, choose another --out, or delete ${this.run(id)} to begin the point again.`,
    });
  }
}

/** What is known of a point without opening its run. */
export interface PointState {
  readonly run: RunFile | undefined;
  readonly results: PointResults;
}

/** Reads a point; also of a sweep that another process works on, and of one that has not begun. */
export function readPoint(sweep: string, id: string): PointState {
  const folder = join(sweep, "points", id);
  return { run: isRunFolder(folder) ? readRunFile(folder) : undefined, results: readResults(resultsPath(sweep, id)) };
}

function resultsPath(sweep: string, id: string): string {
  return join(sweep, "results", `${id}.json`);
}

/** A damaged file is as good as none: what it held is measured again. */
function readResults(path: string): PointResults {
  const none: PointResults = { formatVersion, measures: {} };
  if (!existsSync(path)) return none;
  try {
    return resultsSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return none;
  }
}

function readRecord(path: string): z.output<typeof recordSchema> | undefined {
  const file = join(path, sweepFileName);
  if (!existsSync(file)) return undefined;
  try {
    return recordSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    const detail = { code: "bad-run-file", path: file, expected: "the description of a sweep" } as const;
    throw new RunError({ ...detail, actual: (cause as Error).message.split("\n")[0] ?? "something else", cause });
  }
}

/** @throws RunError where other things than a sweep lie in the folder */
export function refuseForeign(path: string): void {
  if (!existsSync(path) || existsSync(join(path, sweepFileName))) return;
  const others = onDisk(path, () => readdirSync(path)).filter(
    (name) => !isLock(name) && !isTemporary(name) && name !== leagueFileName,
  );
  if (others.length === 0) return;
  throw new RunError({
    code: "folder-not-empty",
    path,
    expected: "a new or empty folder for the sweep, or one that holds it",
    actual: `one that holds ${others.length} other things (${others.slice(0, 3).join(", ")}${others.length > 3 ? ", …" : ""})`,
    remedy: "Choose another --out.",
  });
}

/** Without what never changes a run's numbers. */
function comparable({ data: { workers: _, ...data }, log: __, ...rest }: RunConfig): unknown {
  return JSON.parse(JSON.stringify({ ...rest, data }));
}
