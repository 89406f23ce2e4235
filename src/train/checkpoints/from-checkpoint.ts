/** Models that come from a file: of a run of ours or of anybody who writes a layout that is read. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { CheckpointError } from "../../engine/errors.js";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import type { Encoder } from "../../models/encoder.js";
import { partOf } from "../../models/published/names.js";
import { openPublished, type Published } from "../../models/published/open.js";
import type { ShapeHints } from "../../models/published/shape.js";
import { Vit } from "../../models/vit.js";
import { loadState, tensorOf } from "../../models/weights.js";
import type { Size } from "../../nn/patches.js";
import { resizePositions, sinCosPositions } from "../../nn/positions.js";
import { type Tensor, tensor } from "../../tensor/tensor.js";
import { Checkpoint, checkpointFolder, lastCheckpoint } from "../checkpoint.js";

/**
 * Opens the model in a run folder (its newest good checkpoint), a checkpoint of a run, or a file or folder of another
 * layout. Checksums of our own checkpoints are verified. @throws CheckpointError, FormatError
 */
export function openModelFile(path: string, hints: ShapeHints = {}): Published {
  const published = openPublished(modelFile(path), hints);
  if (published.layout === "lacuna") Checkpoint.open(published.path).close();
  return published;
}

/** The file that is meant by a run folder, a file or a folder of transformers. @throws CheckpointError for an empty run */
export function modelFile(path: string): string {
  if (!isRun(path)) return path;
  const { checkpoint, damaged } = lastCheckpoint(path);
  checkpoint?.close();
  if (checkpoint !== undefined) return checkpoint.path;
  const [worst] = damaged;
  const sentence =
    worst === undefined ? "there is no checkpoint in it." : `no checkpoint in it can be read (${worst.error.message})`;
  throw new CheckpointError(sentence, {
    code: "no-checkpoint",
    path,
    expected: `a file in ${checkpointFolder(path)}`,
    actual: damaged.length,
    remedy:
      worst === undefined
        ? "A run writes its first one after five minutes, when it is stopped, or at its end."
        : undefined,
  });
}

/** Folders that hold something else than weights of transformers are taken for runs. */
function isRun(path: string): boolean {
  const has = (name: string): boolean => statSync(`${path}/${name}`, { throwIfNoEntry: false }) !== undefined;
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder && !["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"].some(has);
}

/** SHA-256 in hex over the files that hold a model's weights: which weights a run began with. */
export function weightsHash({ files }: Published): string {
  const [hash, buffer] = [createHash("sha256"), Buffer.alloc(2 ** 22)];
  for (const file of files) {
    const descriptor = openSync(file, "r");
    try {
      for (let got = readSync(descriptor, buffer); got > 0; got = readSync(descriptor, buffer))
        hash.update(buffer.subarray(0, got));
    } finally {
      closeSync(descriptor);
    }
  }
  return hash.digest("hex");
}

/** What `loadInto` did with a state. */
export interface LoadedParts {
  /** Whether the file has a decoder of the state's sizes. */
  readonly decoder: boolean;
  /** How the positions came to fit, where the grids differ. */
  readonly positions: "as they are" | "resized" | "computed anew";
}

export interface LoadIntoOptions {
  /**
   * For a grid that is not the file's: `resize` as the official fine-tuning does with any table, `recompute` for tables that
   * are sine and cosine, as the official pre-training builds its own (others are resized).
   */
  readonly positions: "resize" | "recompute";
  /** Load the head of a classifier too (default false). */
  readonly classifier?: boolean;
}

/**
 * Copies a file's encoder into a state of official names, and its decoder where the state has one of the same sizes; what
 * the file lacks stays as it is. Types are converted.
 * @throws CheckpointError naming the sizes in which the encoders differ, before anything is changed
 */
export function loadInto(
  state: ReadonlyMap<string, Tensor>,
  encoder: Encoder,
  published: Published,
  { positions, classifier = false }: LoadIntoOptions,
): LoadedParts {
  if (!(encoder instanceof Vit))
    throw new CheckpointError("only a ViT reads such files.", { code: "layout", path: published.path });
  checkEncoder(published, encoder);
  const isTable = (name: string): boolean => name === "pos_embed" || name === "decoder_pos_embed";
  const decoder = sameDecoder(state, published);
  const wanted = [...state].filter(([name]) => {
    const part = partOf(name);
    return part === "encoder" || (part === "decoder" && decoder) || (part === "classifier" && classifier);
  });
  const { weights, shape } = published;
  const { grid } = encoder;
  const moved = grid[0] !== shape.grid[0] || grid[1] !== shape.grid[1];
  const own = new Map(wanted.filter(([name]) => !(moved && isTable(name))));
  loadState(own, { ...weights, names: weights.names.filter((name) => own.has(name)) });
  if (!moved) return { decoder, positions: "as they are" };
  const move = { from: shape.grid, to: grid, recompute: positions === "recompute" };
  const tables = wanted.filter(([name]) => isTable(name));
  const computed = tables.map(([name, table]) => moveTable(table, () => tensorOf(weights.read(name)), move));
  return { decoder, positions: computed.every(Boolean) ? "computed anew" : "resized" };
}

interface Move {
  readonly from: Size;
  readonly to: Size;
  readonly recompute: boolean;
}

/** @returns whether the table was computed anew */
function moveTable(table: Tensor, read: () => Tensor, { from, to, recompute }: Move): boolean {
  return noGrad(() =>
    scope(() => {
      const given = read().float(); // [1 1+N D]
      const isSinCos = recompute && matches(given, sinCosPositions(given.side(-1), from));
      table.copy_(
        isSinCos ? tensor(sinCosPositions(given.side(-1), to), table.shape) : resizePositions(given, from, to),
      );
      return isSinCos;
    }),
  );
}

function matches(given: Tensor, table: Float32Array): boolean {
  const values = given.toArray() as Float32Array;
  return values.length === table.length && values.every((value, i) => Math.abs(value - (table[i] as number)) < 1e-6);
}

function sameDecoder(state: ReadonlyMap<string, Tensor>, { shape, weights }: Published): boolean {
  const names = [...state.keys()].filter((name) => partOf(name) === "decoder");
  return (
    shape.decoder !== undefined &&
    names.length > 0 &&
    names.every((name) => {
      const isTable = name === "decoder_pos_embed"; // its length is the grid's
      const [own, theirs] = [
        state.get(name)?.shape ?? [],
        weights.names.includes(name) ? weights.entry(name).shape : [],
      ];
      return own.length === theirs.length && own.every((side, i) => side === theirs[i] || (isTable && i === 1));
    }) &&
    weights.names.filter((name) => partOf(name) === "decoder").every((name) => state.has(name))
  );
}

/** Every size that differs is named at once, the file's beside the model's. */
function checkEncoder({ shape, path, headsAreTold }: Published, encoder: Vit): void {
  const own = encoderSizes(encoder);
  const theirs: Record<keyof typeof own, unknown> = {
    "model.width": shape.width,
    "model.depth": shape.depth,
    "model.heads": headsAreTold ? shape.heads : encoder.heads,
    "model.mlpRatio": shape.mlpRatio,
    "model.patchSize": sized(shape.patchSize),
    "data.channels": shape.channels,
  };
  const keys = Object.keys(own) as (keyof typeof own)[];
  const differing = keys.filter((key) => String(own[key]) !== String(theirs[key]));
  if (differing.length === 0) return;
  const said = differing.map((key) => `${key} is ${theirs[key]} in the file, ${own[key]} in the configuration`);
  throw new CheckpointError(`${said.join("; ")}.`, {
    code: "architecture",
    path,
    expected: theirs,
    actual: own,
    remedy: `Set ${differing.map((key) => `--${key}=${theirs[key]}`).join(" ")}; pictures may have any size.`,
  });
}

function encoderSizes(encoder: Vit) {
  const [first] = encoder.blocks.links;
  return {
    "model.width": encoder.width,
    "model.depth": encoder.blocks.links.length,
    "model.heads": encoder.heads,
    "model.mlpRatio": (first?.mlp.fc1.outputs ?? 0) / encoder.width,
    "model.patchSize": sized(encoder.patchSize),
    "data.channels": encoder.channels,
  };
}

function sized([height, width]: Size): string {
  return height === width ? String(height) : `[${height},${width}]`;
}

/** The part of a run's configuration that follows from a model in a file; the decoder's where it has one. */
export function configFrom({ shape, normalization, pretraining }: Published) {
  const { width, depth, heads, mlpRatio, patchSize, grid, channels, decoder } = shape;
  const plain = (value: number): number[] => Array.from({ length: channels }, () => value);
  const usual = channels === 3 ? {} : { mean: plain(0.5), std: plain(0.25) };
  const { maskRatio, normalizeTargets } = pretraining;
  return {
    model: { name: "vit" as const, width, depth, heads, mlpRatio, patchSize: whole(patchSize) },
    method: {
      name: "mae" as const,
      ...(decoder && { decoder }),
      ...(maskRatio === undefined ? {} : { maskRatio }),
      ...(normalizeTargets === undefined ? {} : { normalizeTargets }),
    },
    data: {
      imageSize: whole([grid[0] * patchSize[0], grid[1] * patchSize[1]]),
      channels,
      ...usual,
      ...(normalization && { mean: [...normalization.mean], std: [...normalization.std] }),
    },
  };
}

/** A whole configuration for such a model; without a decoder the smallest one stands in its place. */
export function wholeConfigFrom(published: Published): Readonly<Record<string, unknown>> {
  const { model, method, data } = configFrom(published);
  const decoder = published.shape.decoder ?? { width: 4, depth: 1, heads: 1 };
  return { model, method: { ...method, decoder }, data: { ...data, source: { kind: "unknown" } } };
}

function whole([height, width]: Size): number | [number, number] {
  return height === width ? height : [height, width];
}
