/** What a run has open, how a new one is opened, and how a stopped one is opened again. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Loader, openLoader } from "../../data/loader.js";
import type { Source } from "../../data/source.js";
import { CheckpointError } from "../../engine/errors.js";
import { openRun } from "../../runs/reader.js";
import { readRunFile } from "../../runs/run-file.js";
import { formatVersion, type RunEvent, type RunFile } from "../../runs/schema.js";
import { writeAtomic } from "../../runs/write-atomic.js";
import { RunWriter } from "../../runs/writer.js";
import { type Checkpoint, differences, lastCheckpoint, withLaterKeys } from "../checkpoint.js";
import { type Derived, derive, withEpochs } from "../config.js";
import { readingOptions } from "../reading.js";
import { Trainer } from "../trainer.js";
import { HeldOut } from "../watch/held-out.js";
import { type Budget, settleBudget } from "./budget.js";
import { crashedPictures } from "./crashed-pictures.js";
import { commit, runId, settleMachine, versions } from "./environment.js";

import { Logged } from "./logged.js";

import type { Probes } from "./probes.js";
import type { TaskSpec } from "./spec.js";
import type { LoopConfig, Pictures, Precision, TaskContext } from "./task.js";

export interface RunOptions {
  /** The run folder; without one nothing is written. */
  readonly out?: string;
  /** Replace a run that is in `out`. */
  readonly overwrite?: boolean;
  /** As it was typed, for run.json. */
  readonly command?: string;
  /**
   * The run's length by the clock of this machine, from here on, in place of the configuration's `epochs`: the number of steps is settled
   * before the first one, from a pace measured on the run itself, and stands in run.json. A slower machine then takes longer.
   */
  readonly minutes?: number;
}

export interface ResumeOptions {
  /** Decoding threads; they never change the numbers. */
  readonly workers?: number;
  /** Go on although the list of pictures has changed. */
  readonly acceptChangedData?: boolean;
}

/** What a run has open. */
export interface Session<C extends LoopConfig = LoopConfig> {
  readonly config: C;
  readonly derived: Derived;
  readonly source: Source;
  readonly trainer: Trainer;
  readonly heldOut: HeldOut | undefined;
  readonly pictures: Pictures | undefined;
  readonly writer: RunWriter | undefined;
  readonly start: { readonly step: number; readonly resumed: boolean };
  /** The best score before the start, by the task's own measure. */
  readonly best: number;
  readonly warnings: readonly string[];
  /** Pictures that took an earlier process of this run down. */
  readonly knownBad: readonly number[];
  readonly logged: Logged;
  /** Of a new run whose length was given in minutes. */
  readonly budget: Budget | undefined;
}

/** Where each decoding thread notes the picture it is at, inside the run folder. */
const noteFolder = "decoding";

interface NewOptions extends RunOptions {
  /** What the run will be looked at with: they take a part of a budget. */
  readonly probes?: Probes;
}

/** Opens what a new run needs and makes its folder. */
export async function openNew<C extends LoopConfig>(
  spec: TaskSpec<C>,
  input: C,
  options: NewOptions,
): Promise<Session<C>> {
  const began = performance.now();
  const machine = settleMachine(input);
  const source = await spec.openSource(input);
  const asked = { ...input, precision: machine.precision };
  const budget = await budgetOf(spec, asked, source, { ...options, began });
  const config = spec.settle(withBudget(asked, source, budget), source);
  const context = contextOf(config, source, machine.precision, false);
  return building(spec, config, context, async (trainer) => {
    await trainer.begin(() => firstLoader(config, trainer, source));
    const command = options.command ?? `${spec.name}()`;
    const run = describeRun(config, context, trainer, machine, { command, budget });
    const writer =
      options.out === undefined
        ? undefined
        : await RunWriter.create(options.out, run, { overwrite: options.overwrite ?? false });
    return closingOnError(writer, async () => {
      if (writer !== undefined) writeAtomic(join(writer.folder, "files.txt"), names(source).join("\n"));
      const start = { step: 0, resumed: false };
      const logged = new Logged([], 0);
      return { writer, start, best: Number.NEGATIVE_INFINITY, warnings: [], knownBad: [], logged, budget };
    });
  });
}

/** What a length in minutes is in steps, by what the run takes here. */
async function budgetOf<C extends LoopConfig>(
  spec: TaskSpec<C>,
  asked: C,
  source: Source,
  { minutes, probes = [], began }: NewOptions & { readonly began: number },
): Promise<Budget | undefined> {
  if (minutes === undefined) return undefined;
  const config = spec.settle(asked, source);
  const context = contextOf(config, source, config.precision as Precision, false);
  const build = (): Trainer => buildTrainer(spec, config, context);
  const openLoader = (trainer: Trainer): Loader => firstLoader(config, trainer, source);
  const complete = (heldOut: Source): Source => spec.complete?.(config, heldOut) ?? heldOut;
  return settleBudget(minutes, { config, source, probes, began, build, openLoader, complete });
}

function withBudget<C extends LoopConfig>(asked: C, source: Source, budget: Budget | undefined): C {
  return budget === undefined ? asked : withEpochs(asked, budget.steps / derive(asked, source.size).stepsPerEpoch);
}

type Opened = Pick<Session, "writer" | "start" | "best" | "warnings" | "knownBad" | "logged" | "budget">;

/** A folder that is not used lets go of its lock; what the caller hears is why. */
async function closingOnError<R>(writer: RunWriter | undefined, body: () => Promise<R>): Promise<R> {
  try {
    return await body();
  } catch (error) {
    await writer?.close().catch(() => undefined);
    throw error;
  }
}

/** Builds the task and opens the rest around it; what cannot be opened as a whole is closed as a whole. */
async function building<C extends LoopConfig>(
  spec: TaskSpec<C>,
  config: C,
  context: TaskContext,
  open: (trainer: Trainer) => Promise<Opened>,
): Promise<Session<C>> {
  const { derived, source } = context;
  const trainer = buildTrainer(spec, config, context);
  let opened: Opened | undefined;
  try {
    const heldOut = await HeldOut.open(
      config,
      trainer.validationViews,
      (given) => spec.complete?.(config, given) ?? given,
    );
    if (heldOut !== undefined) spec.accept?.(config, heldOut.source, source);
    opened = await open(trainer);
    const pictures = spec.pictures?.(config, trainer, opened.writer?.folder, heldOut?.source ?? source);
    return { config, derived, source, trainer, heldOut, pictures, ...opened };
  } catch (error) {
    await opened?.writer?.close().catch(() => undefined); // the error that led here says more
    trainer.close();
    throw error;
  }
}

/** Model and optimiser with their first values, or with the weights that the configuration names. */
function buildTrainer<C extends LoopConfig>(spec: TaskSpec<C>, config: C, context: TaskContext): Trainer {
  const { derived, precision, source, willLoad } = context;
  const training = spec.training(config, source);
  const trainer = new Trainer(config, derived, precision, training);
  if (willLoad || spec.load === undefined) return trainer;
  try {
    spec.load(config, training);
    return trainer;
  } catch (error) {
    trainer.close();
    throw error;
  }
}

function contextOf(config: LoopConfig, source: Source, precision: Precision, willLoad: boolean): TaskContext {
  return { derived: derive(config, source.size), source, precision, willLoad };
}

function describeRun(
  config: LoopConfig,
  { derived, source }: TaskContext,
  trainer: Trainer,
  machine: RunFile["machine"],
  { command, budget }: { readonly command: string; readonly budget: Budget | undefined },
): RunFile {
  const health = trainer.method.health();
  const { trivial: baseline } = health;
  const createdAt = new Date().toISOString();
  return {
    formatVersion,
    id: runId(createdAt, config),
    createdAt,
    command,
    config: { ...config },
    derived: {
      ...derived,
      ...(baseline === undefined ? {} : { baseline }),
      ...(budget === undefined ? {} : { budgetMinutes: budget.minutes, measuredStepSeconds: budget.stepSeconds }),
    },
    versions: versions(),
    commit: commit(),
    machine,
    data: { fingerprint: source.fingerprint, size: source.size, files: "files.txt" },
    health,
    status: "running",
  };
}

function names(source: Source): string[] {
  return source.content.kind === "files"
    ? [...source.content.paths]
    : [`${source.size} pictures of ${JSON.stringify(source.spec)}`];
}

/** Opens a stopped run at its last good checkpoint. @param specOf which kind of run a configuration describes */
export async function openResumed<C extends LoopConfig>(
  folder: string,
  specOf: (config: Readonly<Record<string, unknown>>) => TaskSpec<C>,
  options: ResumeOptions,
): Promise<Session<C>> {
  const run = readRunFile(folder);
  const spec = specOf(run.config);
  const config = spec.parse({
    ...run.config,
    ...(options.workers === undefined ? {} : { data: { ...(run.config["data"] as object), workers: options.workers } }),
  });
  settleMachine(config, run.machine);
  const source = await spec.openSource(config);
  const changed = changedData(folder, run, source, options.acceptChangedData ?? false);
  const { checkpoint, damaged } = lastCheckpoint(folder);
  try {
    const step = checkpoint?.position.step ?? 0;
    const context = contextOf(config, source, run.machine.precision as Precision, checkpoint !== undefined);
    return await building(spec, config, context, async (trainer) => {
      if (checkpoint === undefined) await trainer.begin(() => firstLoader(config, trainer, source));
      else load(checkpoint, trainer);
      const isOver = run.status === "finished" && step >= context.derived.steps; // nothing is left: nothing is written
      const writer = isOver ? undefined : await RunWriter.resume(folder, step);
      return closingOnError(writer, async () => {
        const crashed = await crashedPictures(join(folder, noteFolder), source, config.data);
        const warnings = [
          ...damaged.map(({ path, error }) => `skipped ${path}: ${error.message}`),
          ...asideNote(writer?.cut),
          ...changed,
          ...crashed.map(
            ({ path, code }) => `${path} is left out: decoding it ended in "${code}", in a process of its own too`,
          ),
        ];
        const knownBad = crashed.map(({ sample }) => sample);
        const { events } = openRun(folder);
        const [best, logged] = [bestScore(events, trainer.method.bestBy), new Logged(events, step)];
        return { writer, start: { step, resumed: true }, best, warnings, knownBad, logged, budget: undefined };
      });
    });
  } finally {
    checkpoint?.close();
  }
}

/** What had to be taken out of the middle of the log. */
function asideNote(cut: RunWriter["cut"]): string[] {
  if (cut?.asidePath === undefined) return [];
  const lines = cut.asideLines.length === 1 ? "line" : "lines";
  return [`${lines} ${cut.asideLines.join(", ")} of events.jsonl could not be read: kept in ${cut.asidePath}`];
}

/** Of the events that are left after later ones were cut off. */
function bestScore(events: readonly RunEvent[], bestBy: string | undefined): number {
  if (bestBy === undefined) return Number.NEGATIVE_INFINITY;
  const scores = events.flatMap((event) =>
    event.type === "heldOut" ? [event.scores?.[bestBy] ?? Number.NEGATIVE_INFINITY] : [],
  );
  return scores.reduce((best, score) => Math.max(best, score), Number.NEGATIVE_INFINITY);
}

/** @throws CheckpointError that lists the keys in which run.json and the checkpoint differ */
function load(checkpoint: Checkpoint, trainer: Trainer): void {
  const { architecture } = trainer;
  const differing = differences(withLaterKeys(checkpoint.architecture), architecture);
  if (differing.length > 0) {
    throw new CheckpointError({
      problem: `the architecture in run.json is not that of the checkpoint (${differing.slice(0, 5).join("; ")}).`,
      code: "architecture",
      path: checkpoint.path,
      expected: checkpoint.architecture,
      actual: architecture,
      remedy: "Undo the change in run.json, or begin a new run.",
    });
  }
  checkpoint.loadModel(trainer.state());
  checkpoint.loadOptimizer(trainer.optimizer);
}

/** @throws CheckpointError naming the pictures that came or went, unless accepted */
function changedData(folder: string, run: RunFile, source: Source, accept: boolean): string[] {
  if (run.data.fingerprint === source.fingerprint) return [];
  const before = new Set(
    run.data.files === undefined ? [] : readFileSync(join(folder, run.data.files), "utf8").split("\n"),
  );
  const now = new Set(names(source));
  const gone = [...before].filter((name) => !now.has(name));
  const added = [...now].filter((name) => !before.has(name));
  const list = (title: string, files: string[]): string[] =>
    files.length === 0
      ? []
      : [`${files.length} ${title} (${files.slice(0, 3).join(", ")}${files.length > 3 ? ", …" : ""})`];
  const what =
    [...list("gone", gone), ...list("new", added)].join(", ") || "the same names with other contents or sizes";
  if (accept) return [`the pictures have changed since the run began: ${what}`];
  throw new CheckpointError({
    problem: `the pictures have changed since the run began: ${what}.`,
    code: "data-changed",
    path: folder,
    expected: run.data.fingerprint,
    actual: source.fingerprint,
    remedy: "Put them back, or go on with --accept-changed-data (the run is then no longer exact).",
  });
}

/** Batches of the views that the task asks for. */
export function openTrainingLoader({
  config,
  trainer,
  source,
  writer,
  knownBad,
}: Pick<Session, "config" | "trainer" | "source" | "writer" | "knownBad">): Loader {
  return openLoader(source, {
    ...readingOptions(config, source),
    views: trainer.views,
    batchSize: config.data.batchSize,
    shuffle: true,
    dropLast: true,
    knownBad,
    ...(writer === undefined ? {} : { noteFolder: join(writer.folder, noteFolder) }),
  });
}

/** The same batches, to be looked at before the run begins. */
function firstLoader(config: LoopConfig, trainer: Trainer, source: Source): Loader {
  return openTrainingLoader({ config, trainer, source, writer: undefined, knownBad: [] });
}
