import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { CheckpointError } from "../engine/errors.js";
import { SafetensorsFile, type TensorToWrite, writeSafetensors } from "../formats/safetensors.js";
import { methodConfig } from "../methods/index.js";
import { type Tensors, tensorIn } from "../models/published/tensors.js";
import { loadState, rawOf } from "../models/weights.js";
import type { Optimizer } from "../optim/optimizer.js";
import { makeFolder, replaceAtomically } from "../runs/write-atomic.js";
import type { Tensor } from "../tensor/tensor.js";
import type { RunConfig } from "./config.js";

/** Raised when a reader of today would misread what a writer of tomorrow writes. */
const formatVersion = 1;
const folderName = "checkpoints";
const bestName = "best.safetensors";
const modelPrefix = "model/";
const optimizerPrefix = "optimizer/";

/** Where a run stands: with the seed, all that random numbers and data order depend on. */
export interface Position {
  /** Optimiser steps completed. */
  readonly step: number;
  /** Samples consumed. */
  readonly samples: number;
}

export interface CheckpointContent {
  readonly position: Position;
  /** Resolved model and method of the run, compared on resume. */
  readonly architecture: unknown;
  /** The whole resolved configuration: a checkpoint alone is enough to build the model. */
  readonly config: unknown;
  readonly model: ReadonlyMap<string, Tensor>;
  readonly optimizer: Optimizer;
}

export function checkpointFolder(run: string): string {
  return join(run, folderName);
}

function fileName(step: number): string {
  return `step-${String(step).padStart(8, "0")}.safetensors`;
}

/**
 * Writes `checkpoints/step-….safetensors` atomically: parameters under `model/`, the optimiser's state under
 * `optimizer/`, a checksum of all data in the metadata. @throws RunError "no-space"; older checkpoints are untouched
 */
export function writeCheckpoint(run: string, content: CheckpointContent): { path: string; bytes: number } {
  return write(run, fileName(content.position.step), content);
}

/** The model that scored best so far, in a file that is never removed: `checkpoints/best.safetensors`. */
export function writeBest(run: string, content: CheckpointContent): void {
  write(run, bestName, content);
}

function write(run: string, name: string, content: CheckpointContent): { path: string; bytes: number } {
  const folder = checkpointFolder(run);
  makeFolder(folder);
  const path = join(folder, name);
  const entries: [string, TensorToWrite][] = [
    ...[...content.model].map(([name, value]): [string, TensorToWrite] => [modelPrefix + name, rawOf(value)]),
    ...[...content.optimizer.state()].map(([name, value]): [string, TensorToWrite] => [
      optimizerPrefix + name,
      rawOf(value),
    ]),
  ];
  return writeEntries(path, content, entries);
}

/** A checkpoint of a model alone, under the official names: of one that came from elsewhere. It has no optimiser. */
export function writeModel(
  path: string,
  content: Pick<CheckpointContent, "position" | "architecture" | "config">,
  tensors: readonly (readonly [string, TensorToWrite])[],
): void {
  writeEntries(
    path,
    content,
    tensors.map(([name, tensor]) => [modelPrefix + name, tensor]),
  );
}

function writeEntries(
  path: string,
  content: Pick<CheckpointContent, "position" | "architecture" | "config">,
  entries: readonly [string, TensorToWrite][],
): { path: string; bytes: number } {
  const metadata = {
    format: "lacuna-checkpoint",
    formatVersion: String(formatVersion),
    step: String(content.position.step),
    samples: String(content.position.samples),
    architecture: JSON.stringify(content.architecture),
    config: JSON.stringify(content.config),
    crc32: checksum(entries.map(([name, entry]) => [name, bytesOf(entry)])),
  };
  replaceAtomically(path, (temporary) => writeSafetensors(temporary, entries, metadata));
  return { path, bytes: statSync(path).size };
}

function bytesOf({ data }: TensorToWrite): () => Uint8Array {
  return typeof data === "function" ? data : () => data;
}

/** CRC-32 over names and data in the order of the names. */
function checksum(entries: readonly (readonly [string, () => Uint8Array])[]): string {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  const sum = sorted.reduce((value, [name, read]) => crc32(read(), crc32(name, value)), 0);
  return sum.toString(16).padStart(8, "0");
}

/** A checkpoint file, opened and verified. Close it. */
export class Checkpoint {
  readonly position: Position;
  readonly architecture: unknown;
  readonly config: unknown;
  /** CRC-32 of all its data, in hex: two states with the same sum are the same to the bit. */
  readonly checksum: string;

  private constructor(private readonly file: SafetensorsFile) {
    const metadata = file.metadata ?? {};
    this.position = { step: Number(metadata["step"]), samples: Number(metadata["samples"]) };
    this.architecture = JSON.parse(metadata["architecture"] ?? "null");
    this.config = JSON.parse(metadata["config"] ?? "null");
    this.checksum = metadata["crc32"] ?? "";
  }

  get path(): string {
    return this.file.path;
  }

  /** @throws FormatError or CheckpointError for a file that is truncated, damaged, of another kind or too new */
  static open(path: string): Checkpoint {
    const file = SafetensorsFile.open(path);
    try {
      verify(file);
      return new Checkpoint(file);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  loadModel(state: ReadonlyMap<string, Tensor>): void {
    loadState(state, this.#part(modelPrefix), { prefix: modelPrefix });
  }

  /** Whether the model in it has a tensor of that name. */
  has(name: string): boolean {
    return this.file.has(modelPrefix + name);
  }

  /** The model's tensors by their names in its state: nothing is read before it is asked for. */
  tensors(): Tensors {
    const { names, ...file } = this.#part(modelPrefix);
    return new Map(names.map((name) => [name.slice(modelPrefix.length), tensorIn(file, name)]));
  }

  /** Whether there is more in it than a model: what training goes on with. */
  get hasOptimizer(): boolean {
    return this.file.names.some((name) => name.startsWith(optimizerPrefix));
  }

  /** Loads of the model what stands below `part`: one of several sets of weights under the same names. */
  loadModelPart(state: ReadonlyMap<string, Tensor>, part: string): void {
    const prefix = modelPrefix + part;
    const { names, ...file } = this.#part(prefix);
    loadState(state, { ...file, names: names.filter((name) => state.has(name.slice(prefix.length))) }, { prefix });
  }

  /** One tensor at a time is read: the state is twice the model. */
  loadOptimizer(optimizer: Optimizer): void {
    const { names, entry, read } = this.#part(optimizerPrefix);
    const lazily = (name: string) => ({ ...entry(name), data: () => read(name).data });
    optimizer.load(new Map(names.map((name) => [name.slice(optimizerPrefix.length), lazily(name)])));
  }

  #part(prefix: string) {
    const { file } = this;
    return {
      path: file.path,
      names: file.names.filter((name) => name.startsWith(prefix)),
      entry: (name: string) => file.entry(name),
      read: (name: string) => file.read(name),
    };
  }

  close(): void {
    this.file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function verify(file: SafetensorsFile): void {
  const { format, formatVersion: version, crc32: expected } = file.metadata ?? {};
  if (format !== "lacuna-checkpoint") {
    throw new CheckpointError({
      problem: "the file is not a checkpoint of a run.",
      code: "foreign",
      path: file.path,
      expected: "lacuna-checkpoint",
      actual: format ?? "no format in its metadata",
    });
  }
  if (Number(version) > formatVersion) {
    throw new CheckpointError({
      problem: `the checkpoint has format version ${version}, this program reads ${formatVersion}.`,
      code: "newer-format",
      path: file.path,
      expected: formatVersion,
      actual: version,
      remedy: "Read it with the version of lacuna that wrote it.",
    });
  }
  const actual = checksum(file.names.map((name) => [name, () => file.read(name).data]));
  if (actual !== expected) {
    throw new CheckpointError({
      problem: "the data is damaged: its checksum differs.",
      code: "damaged",
      path: file.path,
      expected,
      actual,
      remedy: "Use an older checkpoint of the run.",
    });
  }
}

/** Steps of a run's checkpoints, newest first. */
export function checkpointFiles(run: string): { step: number; path: string }[] {
  const folder = checkpointFolder(run);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  const found = names.flatMap((name) => {
    const match = /^step-(\d+)\.safetensors$/.exec(name);
    return match === null ? [] : [{ step: Number(match[1]), path: join(folder, name) }];
  });
  return found.sort((a, b) => b.step - a.step);
}

/** The newest checkpoint that can be read, and what was wrong with newer ones. */
export function lastCheckpoint(run: string): {
  checkpoint: Checkpoint | undefined;
  damaged: { path: string; error: Error }[];
} {
  const damaged: { path: string; error: Error }[] = [];
  for (const { path } of checkpointFiles(run)) {
    try {
      return { checkpoint: Checkpoint.open(path), damaged };
    } catch (error) {
      damaged.push({ path, error: error as Error });
    }
  }
  return { checkpoint: undefined, damaged };
}

/** Removes all but the newest `keep`. */
export function pruneCheckpoints(run: string, keep: number): void {
  for (const { path } of checkpointFiles(run).slice(keep)) rmSync(path, { force: true });
}

/** Keys at which two plain values differ, as paths; at most a few. */
export function differences(before: unknown, after: unknown, path = ""): string[] {
  if (Object.is(before, after)) return [];
  if (typeof before !== "object" || typeof after !== "object" || before === null || after === null) {
    return [`${path || "(all)"}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`];
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) =>
    differences(
      (before as Record<string, unknown>)[key],
      (after as Record<string, unknown>)[key],
      path === "" ? key : `${path}.${key}`,
    ),
  );
}

/** What a checkpoint must share with the run that loads it: what the weights mean, not how they are regularised. */
export function architecture({ model, method, data }: RunConfig): unknown {
  const { dropPath: _, ...shape } = model;
  return JSON.parse(JSON.stringify({ model: shape, method, imageSize: data.imageSize, channels: data.channels }));
}

/** An architecture as an older version wrote it: keys of the method that came later have their defaults. */
export function withLaterKeys(stored: unknown): unknown {
  if (typeof stored !== "object" || stored === null || !("method" in stored)) return stored;
  const { success, data } = methodConfig.safeParse(stored.method);
  return success ? { ...stored, method: JSON.parse(JSON.stringify(data)) } : stored;
}
