/** Weights that a supervised run starts from: those of an encoder that was trained before, by whomever. */
import { configFrom, type ForeignHints, openModelFile } from "../train/checkpoints/from-checkpoint.js";
import { loadInto } from "../train/checkpoints/load-into.js";
import type { RunConfig } from "../train/config.js";
import type { Classifier } from "./classifier.js";

/** What a classifier takes over from the run that its encoder comes from, besides the weights. */
export type Inherited = Pick<RunConfig, "model"> & {
  readonly data: Pick<RunConfig["data"], "imageSize" | "channels" | "mean" | "std">;
};

/**
 * The model of a run or file, and how its pictures were prepared.
 * @param hints on somebody else's file; refused for one of ours @throws CheckpointError, FormatError
 */
export function inheritedFrom(from: string, hints: ForeignHints = {}): Inherited {
  using published = openModelFile(from, hints);
  const { model, data } = (published.config ?? configFrom(published)) as unknown as Inherited;
  const { imageSize, channels, mean, std } = data as Partial<RunConfig["data"]>; // a file need not say its colours
  const { dropPath: _, ...shape } = model; // how the new run is regularised is its own
  const colours = { ...(mean && { mean }), ...(std && { std }) };
  return { model: shape, data: { imageSize, channels, ...colours } } as Inherited;
}

/**
 * Copies the encoder's weights in; positions of another grid are resized as in the official fine-tuning. What the classifier
 * has beyond the encoder (its norm, its head) keeps its first values.
 * @throws CheckpointError naming the sizes in which the encoders differ, before anything is changed
 */
export function loadInitial(model: Classifier, from: string, hints: ForeignHints = {}): void {
  using published = openModelFile(from, hints);
  loadInto(model.state(), model.encoder, published, { positions: "resize" });
}
