/** What every kind of run has: pre-training and supervised training alike have a step, a held-out measure and a state. */
import type { Source } from "../../data/source.js";

import type { ImageShape } from "../../models/encoder.js";

import type { ModelConfig } from "../../models/index.js";
import { pair, type Size } from "../../nn/patches.js";
import type { OptimizerConfig } from "../../optim/build.js";
import type { RunEvent } from "../../runs/schema.js";
import type { PixelBatch } from "../batch.js";
import type { Derived, RunConfig, ScheduleConfig } from "../config.js";

/** Precision with `auto` settled. */
export type Precision = "bfloat16" | "float32";

/** What every kind of run has in its configuration; the rest is the task's own. */
export interface LoopConfig {
  /** Whose encoder is trained on: a run folder or a checkpoint. */
  readonly from?: string | undefined;
  readonly seed: number;
  readonly epochs: number;
  readonly device: string;
  readonly precision: RunConfig["precision"];
  readonly model: ModelConfig;
  readonly data: Omit<RunConfig["data"], "source"> & { readonly source: RunConfig["data"]["source"] };
  readonly checkpointing: boolean;
  readonly optim: OptimizerConfig & ScheduleConfig;
  readonly log: {
    readonly checkpointSeconds: number;
    readonly checkpointSteps?: number | undefined;
    readonly keepCheckpoints: number;
    readonly heldOutEpochs: number;
    /** At most this number; all of them if absent. */
    readonly heldOutPictures?: number | undefined;
    /** Looks at the features while training; none if absent. */
    readonly probe?: RunConfig["log"]["probe"] | undefined;
    /** Labels from which the frozen encoder's k-NN and exact probe learn before the first step. */
    readonly frozenLabels?: number | undefined;
  };
}

/** The pictures of one step of the optimiser, as bytes. */
export interface TrainingBatch {
  readonly epoch: number;
  readonly samples: readonly number[];
  /** [B], of these samples, where the source has classes. */
  readonly labels?: Int32Array | undefined;
  /** [B], of these samples, where the source has texts. */
  readonly captions?: readonly string[] | undefined;
  readonly views: Readonly<Record<string, PixelBatch>>;
}

export interface StepResult {
  readonly loss: number;
  readonly learningRate: number;
  readonly gradNorm: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** Goes around the optimiser's change of the weights, and must run it. */
export type UpdateWrapper = (update: () => void) => void;

/** Means over held-out pictures: the loss, what it is made of, and scores from 0 to 1 by name. */
export type Measures = Readonly<Record<string, number>> & { readonly loss: number };

/** What a batch of held-out pictures is measured by. */
export interface Evaluation {
  readonly means: Measures;
  /** [B] classes, of a method that classifies; else empty. */
  readonly predictions: readonly number[];
}

/** Pictures that a run leaves in its folder while it trains. */
export interface Pictures {
  ifDue(step: number): AsyncIterable<RunEvent>;
  draw(step: number): AsyncIterable<RunEvent>;
}

/** With what a run's training is built. */
export interface TaskContext {
  readonly derived: Derived;
  readonly precision: Precision;
  readonly source: Source;
  /** A checkpoint will be loaded into it: first values and weights from elsewhere are not needed. */
  readonly willLoad: boolean;
}

/** Size and channels of the pictures that a run trains on. */
export function imageShape({ data }: { data: { imageSize: number | Size; channels: number } }): ImageShape {
  return { imageSize: pair(data.imageSize), channels: data.channels };
}
