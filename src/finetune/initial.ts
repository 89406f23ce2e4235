/** Weights that a supervised run starts from: those of an encoder that was trained before, by whomever. */
import type { Published } from "../models/published/open.js";
import { loadInto, openModelFile, wholeConfigFrom } from "../train/checkpoints/from-checkpoint.js";
import { loadOwnEncoder, openOwn } from "../train/checkpoints/own.js";
import { parseConfig, type RunConfig } from "../train/config.js";
import type { Classifier } from "./classifier.js";

/** What a classifier takes over from the run that its encoder comes from, besides the weights. */
export type Inherited = Pick<RunConfig, "model"> & {
  readonly data: Pick<RunConfig["data"], "imageSize" | "channels" | "mean" | "std">;
};

/** The model of a run or file, and how its pictures were prepared. @throws CheckpointError, FormatError */
export function inheritedFrom(from: string): Inherited {
  const { model, data } = shapeFrom(from);
  const { imageSize, channels, mean, std } = data;
  const { dropPath: _, ...shape } = model; // how the new run is regularised is its own
  return { model: shape as RunConfig["model"], data: { imageSize, channels, mean, std } };
}

function shapeFrom(from: string): Pick<RunConfig, "model" | "data"> {
  using own = openOwn(from);
  if (own !== undefined) return own.config as Pick<RunConfig, "model" | "data">;
  using published = openModelFile(from);
  return configOf(published);
}

function configOf(published: Published): Pick<RunConfig, "model" | "data"> {
  if (published.layout !== "lacuna") return parseConfig(wholeConfigFrom(published));
  const config = published.config as Partial<RunConfig> & { task?: string };
  return config.task === "finetune" ? (config as RunConfig) : parseConfig(config);
}

/**
 * Copies the encoder's weights in; positions of another grid are resized as in the official fine-tuning. What the classifier
 * has beyond the encoder (its norm, its head) keeps its first values.
 * @throws CheckpointError naming the sizes in which the encoders differ, before anything is changed
 */
export function loadInitial(model: Classifier, from: string): void {
  using own = openOwn(from);
  if (own !== undefined) {
    loadOwnEncoder(own, model.encoder);
    return;
  }
  using published = openModelFile(from);
  loadInto(model.state(), model.encoder, published, { positions: "resize" });
}
