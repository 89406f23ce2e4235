/** What the loop drives: pre-training and supervised training alike have a step, a held-out measure and a state. */
import type { Loader } from "../../data/loader.js";
import type { Source } from "../../data/source.js";
import type { Transform, ViewSpec } from "../../data/views.js";
import type { ModelConfig } from "../../models/index.js";
import { type ImageShape, pair, type Vit } from "../../models/vit.js";
import type { Size } from "../../nn/patches.js";
import type { Optimizer } from "../../optim/optimizer.js";
import type { RunEvent } from "../../runs/schema.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { PixelBatch } from "../batch.js";
import type { Derived, RunConfig } from "../config.js";

/** Precision with `auto` settled. */
export type Precision = "bfloat16" | "float32";

/** What every kind of run has in its configuration; the rest is the task's own. */
export interface LoopConfig {
  readonly seed: number;
  readonly epochs: number;
  readonly device: string;
  readonly precision: RunConfig["precision"];
  readonly model: ModelConfig;
  readonly data: Omit<RunConfig["data"], "source"> & { readonly source: RunConfig["data"]["source"] };
  readonly optim: {
    readonly baseLearningRate: number;
    readonly accumulate: number;
    readonly warmupEpochs?: number | undefined;
  };
  readonly log: {
    readonly checkpointSeconds: number;
    readonly checkpointSteps?: number | undefined;
    readonly keepCheckpoints: number;
    readonly heldOutEpochs: number;
    /** At most so many; all of them if absent. */
    readonly heldOutPictures?: number | undefined;
    /** Looks at the features while training; none if absent. */
    readonly probe?: RunConfig["log"]["probe"] | undefined;
  };
}

/** The pictures of one step of the optimiser, as bytes. */
export interface TrainingBatch {
  readonly epoch: number;
  readonly samples: readonly number[];
  /** [B], of these samples, where the source has classes. */
  readonly labels?: Int32Array | undefined;
  readonly views: Readonly<Record<string, PixelBatch>>;
}

export interface StepResult {
  readonly loss: number;
  readonly learningRate: number;
  readonly gradNorm: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** Goes around the optimiser's change of the weights, and must run it. */
export type Around = (update: () => void) => void;

/** Means over held-out pictures: the loss, and scores from 0 to 1 by name. */
export type Measures = Readonly<Record<string, number>> & { readonly loss: number };

/** A model in training, whatever it is trained for, and what one step does to it. Knows nothing of files. */
export interface Task {
  readonly config: LoopConfig;
  readonly derived: Derived;
  readonly precision: Precision;
  readonly encoder: Vit;
  readonly optimizer: Optimizer;
  /** Live tensors that a checkpoint holds besides the optimiser's. */
  state(): ReadonlyMap<string, Tensor>;
  /** What a checkpoint must share with the run that loads it: plain values. */
  architecture(): unknown;
  /** The augmented views of a picture in training. */
  views(): Readonly<Record<string, ViewSpec>>;
  /** How held-out pictures are looked at; their middle, resized, if absent. */
  readonly heldOutView?: Transform;
  /** The score after which the best model is kept beside the last; none if absent. */
  readonly bestBy?: string;
  /** One step of the optimiser; `index` counts the steps taken before. @throws NonFiniteError, nothing is updated then */
  step(batch: TrainingBatch, index: number, around?: Around): StepResult;
  /** Means over the batch, without training and without changing anything. */
  evaluate(batch: TrainingBatch): Measures;
  /** Before a new run's first step: what has to be fitted to its pictures. @param open the training loader */
  prepare?(open: () => Loader): Promise<void>;
  /** Loss of a model that learned nothing, where that is known. */
  baseline?(): number | undefined;
  close(): void;
}

/** Pictures that a run leaves in its folder while it trains. */
export interface Pictures {
  ifDue(step: number): AsyncIterable<RunEvent>;
  draw(step: number): AsyncIterable<RunEvent>;
}

/** With what a task is built. */
export interface Parts {
  readonly derived: Derived;
  readonly precision: Precision;
  readonly source: Source;
  /** A checkpoint will be loaded into it: first values and weights from elsewhere are not needed. */
  readonly willLoad: boolean;
}

/** A kind of run: how its configuration is read, and what it builds of it. */
export interface TaskSpec<C extends LoopConfig, T extends Task> {
  /** `task` in run.json's config; pre-training's has none. */
  readonly name: string;
  /** @throws ConfigError */
  parse(input: unknown): C;
  openSource(config: C): Promise<Source>;
  /** The config with what was chosen written into it, since run.json says what was used. */
  settle(config: C, source: Source): C;
  build(config: C, parts: Parts): T;
  /** @throws ConfigError where the held-out pictures do not fit those that are learned from */
  accept?(config: C, heldOut: Source): void;
  /** What it draws; nothing if absent. */
  pictures?(task: T, folder: string | undefined, source: Source): Pictures;
}

/** Size and channels of the pictures that a run trains on. */
export function imageShape({ data }: { data: { imageSize: number | Size; channels: number } }): ImageShape {
  return { imageSize: pair(data.imageSize), channels: data.channels };
}
