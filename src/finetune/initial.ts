/** Weights that a supervised run starts from: those of an encoder that was trained before. */
import { CheckpointError } from "../engine/errors.js";
import { loadState, type WeightSource } from "../models/weights.js";
import { parseConfig, type RunConfig } from "../train/config.js";
import { findCheckpoint } from "../train/load.js";
import type { Classifier } from "./classifier.js";

/** What a classifier takes over from the run that its encoder comes from, besides the weights. */
export type Inherited = Pick<RunConfig, "model"> & {
  readonly data: Pick<RunConfig["data"], "imageSize" | "channels" | "mean" | "std">;
};

/** The model of a run or checkpoint, and how its pictures were prepared. @throws CheckpointError */
export function inheritedFrom(from: string): Inherited {
  using checkpoint = findCheckpoint(from);
  const config = checkpoint.config as Partial<RunConfig> & { task?: string };
  const { model, data } = config.task === "finetune" ? (config as RunConfig) : parseConfig(config);
  const { imageSize, channels, mean, std } = data;
  const { dropPath: _, ...shape } = model; // how the new run is regularised is its own
  return { model: shape as RunConfig["model"], data: { imageSize, channels, mean, std } };
}

/**
 * Copies the encoder's weights in. What the classifier has beyond the encoder (its norm, its head) keeps its first values,
 * positions are of its own grid. @throws CheckpointError that names what the file lacks
 */
export function loadInitial(model: Classifier, from: string): void {
  using checkpoint = findCheckpoint(from);
  const weights = checkpoint.modelWeights();
  const wanted = model.state();
  const own = new Set([...wanted.keys()].filter((name) => /^(fc_norm|head)\./.test(name) || name === "pos_embed"));
  const encoder = new Map([...wanted].filter(([name]) => !own.has(name)));
  const missing = loadState(encoder, onlyOf(weights, encoder), { strict: false, prefix: weights.prefix });
  if (missing.length === 0) return;
  throw new CheckpointError(`it has no ${missing.slice(0, 4).join(", ")}${missing.length > 4 ? ", …" : ""}.`, {
    code: "names",
    path: checkpoint.path,
    expected: "the weights of a ViT of this depth",
    actual: missing,
    remedy: "Leave model.* as it was when the checkpoint was made.",
  });
}

/** Decoders and heads in the file are not the encoder's. */
function onlyOf(source: WeightSource & { prefix: string }, wanted: ReadonlyMap<string, unknown>): WeightSource {
  const { path, prefix } = source;
  const names = source.names.filter((name) => wanted.has(name.slice(prefix.length)));
  return { path, names, entry: (name) => source.entry(name), read: (name) => source.read(name) };
}
