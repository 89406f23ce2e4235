import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultWorkers, type Loader, openLoader } from "../data/loader.js";
import { openSource, type Source } from "../data/source.js";
import { CheckpointError } from "../engine/errors.js";
import { machineLimits } from "../engine/limits.js";
import { methods } from "../methods/index.js";
import { readRunFile } from "../runs/run-file.js";
import { formatVersion, type RunFile } from "../runs/schema.js";
import { RunWriter } from "../runs/writer.js";
import { architecture, type Checkpoint, differences, lastCheckpoint } from "./checkpoint.js";
import { type Derived, derive, parseConfig, type RunConfig } from "./config.js";
import { crashedPictures } from "./crashed-pictures.js";
import { commit, runId, settleMachine, versions } from "./environment.js";
import { imageShape, Trainer } from "./trainer.js";
import { HeldOut } from "./watch/held-out.js";

export interface PretrainOptions {
  /** The run folder; without one nothing is written. */
  readonly out?: string;
  /** Replace a run that is in `out`. */
  readonly overwrite?: boolean;
  /** As it was typed, for run.json. */
  readonly command?: string;
}

export interface ResumeOptions {
  /** Decoding threads; they never change the numbers. */
  readonly workers?: number;
  /** Go on although the list of pictures has changed. */
  readonly acceptChangedData?: boolean;
}

/** What a run has open. */
export interface Session {
  readonly config: RunConfig;
  readonly derived: Derived;
  readonly source: Source;
  readonly trainer: Trainer;
  readonly heldOut: HeldOut | undefined;
  readonly writer: RunWriter | undefined;
  readonly start: { readonly step: number; readonly resumed: boolean };
  readonly warnings: readonly string[];
  /** Pictures that took an earlier process of this run down. */
  readonly knownBad: readonly number[];
}

/** Where each decoding thread notes the picture it is at, inside the run folder. */
const noteFolder = "decoding";

/** Opens what a new run needs and makes its folder. */
export async function openNew(input: RunConfig, options: PretrainOptions): Promise<Session> {
  const machine = settleMachine(input);
  const config = withWarmup({ ...input, precision: machine.precision });
  const source = await openSource(config.data.source);
  const derived = derive(config, source.size);
  const trainer = new Trainer(config, derived, machine.precision);
  return closingOnError(trainer, async () => {
    const run = describeRun(config, { derived, source, trainer, machine }, options);
    const writer =
      options.out === undefined
        ? undefined
        : await RunWriter.create(options.out, run, { overwrite: options.overwrite ?? false });
    if (writer !== undefined) writeFileSync(join(writer.folder, "files.txt"), names(source).join("\n"));
    const heldOut = await HeldOut.open(config);
    return {
      config,
      derived,
      source,
      trainer,
      heldOut,
      writer,
      start: { step: 0, resumed: false },
      warnings: [],
      knownBad: [],
    };
  });
}

/** What could not be opened as a whole is closed as a whole. */
async function closingOnError<R>(trainer: Trainer, open: () => Promise<R>): Promise<R> {
  try {
    return await open();
  } catch (error) {
    trainer.close();
    throw error;
  }
}

interface Parts extends Pick<Session, "derived" | "source" | "trainer"> {
  readonly machine: RunFile["machine"];
}

function describeRun(
  config: RunConfig,
  { derived, source, trainer, machine }: Parts,
  { command }: PretrainOptions,
): RunFile {
  const baseline = trainer.method.baseline?.();
  const createdAt = new Date().toISOString();
  return {
    formatVersion,
    id: runId(createdAt, config),
    createdAt,
    command: command ?? "pretrain()",
    config: { ...config },
    derived: { ...derived, ...(baseline === undefined ? {} : { baseline }) },
    versions: versions(),
    commit: commit(),
    machine,
    data: { fingerprint: source.fingerprint, size: source.size, files: "files.txt" },
    status: "running",
  };
}

/** A run.json says what was used: the warm-up that was chosen stands in it. */
function withWarmup(config: RunConfig): RunConfig {
  return {
    ...config,
    optim: { ...config.optim, warmupEpochs: config.optim.warmupEpochs ?? Math.min(40, config.epochs / 10) },
  };
}

function names(source: Source): string[] {
  return source.content.kind === "files"
    ? [...source.content.paths]
    : [`${source.size} pictures of ${JSON.stringify(source.spec)}`];
}

/** Opens a stopped run at its last good checkpoint. */
export async function openResumed(folder: string, options: ResumeOptions): Promise<Session> {
  const run = readRunFile(folder);
  const config = parseConfig({
    ...run.config,
    ...(options.workers === undefined ? {} : { data: { ...(run.config["data"] as object), workers: options.workers } }),
  });
  settleMachine(config, run.machine);
  const source = await openSource(config.data.source);
  const changed = changedData(folder, run, source, options.acceptChangedData ?? false);
  const { checkpoint, damaged } = lastCheckpoint(folder);
  try {
    const step = checkpoint?.position.step ?? 0;
    const derived = derive(config, source.size);
    const trainer = new Trainer(config, derived, run.machine.precision as "bfloat16" | "float32");
    return await closingOnError(trainer, async () => {
      if (checkpoint !== undefined) load(checkpoint, trainer);
      const writer = await RunWriter.resume(folder, step);
      const warnings = [...damaged.map(({ path, error }) => `skipped ${path}: ${error.message}`), ...changed];
      const heldOut = await HeldOut.open(config);
      const crashed = await crashedPictures(join(folder, noteFolder), source, config.data);
      warnings.push(
        ...crashed.map(
          ({ path, code }) => `${path} is left out: decoding it ended in "${code}", in a process of its own too`,
        ),
      );
      const knownBad = crashed.map(({ sample }) => sample);
      return { config, derived, source, trainer, heldOut, writer, start: { step, resumed: true }, warnings, knownBad };
    });
  } finally {
    checkpoint?.close();
  }
}

/** @throws CheckpointError that lists the keys in which run.json and the checkpoint differ */
function load(checkpoint: Checkpoint, trainer: Trainer): void {
  const differing = differences(checkpoint.architecture, architecture(trainer.config));
  if (differing.length > 0) {
    throw new CheckpointError(
      `the architecture in run.json is not that of the checkpoint (${differing.slice(0, 5).join("; ")}).`,
      {
        code: "architecture",
        path: checkpoint.path,
        expected: checkpoint.architecture,
        actual: architecture(trainer.config),
        remedy: "Undo the change in run.json, or begin a new run.",
      },
    );
  }
  checkpoint.loadModel(trainer.method.state());
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
  throw new CheckpointError(`the pictures have changed since the run began: ${what}.`, {
    code: "data-changed",
    path: folder,
    expected: run.data.fingerprint,
    actual: source.fingerprint,
    remedy: "Put them back, or go on with --accept-changed-data (the run is then no longer exact).",
  });
}

/** Batches of the views that the method asks for. */
export function openTrainingLoader({ config, source, writer, knownBad }: Session): Loader {
  const views = methods[config.method.name].views(config.method, imageShape(config));
  const { batchSize, workers, channels, maxPixels, maxBadShare } = config.data;
  return openLoader(source, {
    views,
    batchSize,
    seed: config.seed,
    workers: workers === "auto" ? defaultWorkers(source, machineLimits().cores) : workers,
    shuffle: true,
    dropLast: true,
    channels,
    maxPixels,
    maxBadShare,
    knownBad,
    ...(writer === undefined ? {} : { noteFolder: join(writer.folder, noteFolder) }),
  });
}
