/** A classifier in supervised training: how much of it is trained, and how rates fall from its head down. */
import type { ParameterRule } from "../methods/method.js";
import { Labelled } from "../methods/supervised/labelled.js";
import { buildEncoder } from "../models/index.js";
import type { NamedTensor } from "../optim/optimizer.js";
import { imageShape } from "../train/loop/task.js";
import { Classifier } from "./classifier.js";
import type { FinetuneConfig } from "./config.js";

export class Supervised extends Labelled<Classifier> {
  constructor(
    readonly config: Pick<
      FinetuneConfig,
      "augmentation" | "average" | "classes" | "data" | "model" | "optim" | "pool" | "trainBlocks"
    >,
  ) {
    super(config, () => buildClassifier(config));
  }

  /** Rates fall from layer to layer (BEiT, MAE: util/lr_decay.py). */
  override ruleFor(parameter: NamedTensor): ParameterRule {
    const { layerDecay } = this.config.optim;
    const { depth } = this.encoder;
    return { ...super.ruleFor(parameter), rate: layerDecay ** (depth + 1 - this.encoder.layerOf(parameter.name)) };
  }
}

/** The model that a configuration describes, its weights not yet initialised. */
export function buildClassifier(
  config: Pick<FinetuneConfig, "classes" | "data" | "model" | "pool" | "trainBlocks">,
): Classifier {
  const { classes = [], pool, trainBlocks } = config;
  return new Classifier(buildEncoder(config.model, imageShape(config)), { classes: classes.length, pool, trainBlocks });
}

/** What a checkpoint must share with the supervised run that loads it. */
export function supervisedArchitecture({ config, model, averaged }: Supervised): unknown {
  const { pool, data } = config;
  const { dropPath: _, ...shape } = config.model;
  const { imageSize, channels } = data;
  const { classes, trainBlocks } = model;
  const architecture = { model: shape, pool, trainBlocks, classes, averaged: averaged !== undefined };
  return JSON.parse(JSON.stringify({ ...architecture, imageSize, channels }));
}
