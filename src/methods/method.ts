import type { z } from "zod";
import type { ViewSpec } from "../data/views.js";
import { ConfigError } from "../errors.js";
import type { Encoder, EncoderKind, ImageShape, Pool } from "../models/encoder.js";
import type { ExportGraph } from "../models/exports.js";
import type { Layout } from "../models/published/layout.js";
import { Module } from "../nn/module.js";
import type { Size } from "../nn/patches.js";
import type { NamedTensor } from "../optim/optimizer.js";
import type { Rng } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";
import type { DefaultsFor } from "./defaults.js";
import type { Health } from "./health.js";
import type { World } from "./world.js";

/** What a training step knows besides its batch. */
export interface Step {
  /** Optimiser steps taken so far. */
  readonly index: number;
  readonly epoch: number;
  /** Share of the run that is done, 0 to 1: where schedules stand. */
  readonly progress: number;
  /** Keyed by (seed, epoch, sample): one row a picture of the batch. Fork it for each purpose. */
  readonly rng: Rng;
  /** The processes that train together; one by itself is the identity. */
  readonly world: World;
}

/**
 * Columns of a source that are no pictures. `label`: [B] int64, −1 where a picture has none. `text`: [B T] int64, a picture's caption as
 * the method reads it (`readText`).
 */
export type Column = "label" | "text";

/** A batch by name: views [B C H W], normalised, and the columns that the method asks for. */
export type Batch<Name extends string = string> = Readonly<Record<Name, Tensor>>;

/** A scalar to minimise and, for the log, what it was made of. */
export interface Loss {
  readonly total: Tensor;
  /** Scalars. What `health` watches is among them. */
  readonly parts?: Readonly<Record<string, Tensor>>;
}

/** A loss whose gradient is the sum of its pieces' gradients, each to be worked out when the one before is done with. */
export interface Pieces {
  /** Values only. */
  readonly loss: Loss;
  readonly pieces: readonly (() => Tensor)[];
}

/** What a method learns from pictures before the first step, and keeps in buffers: a basis, a codebook. */
export interface Fit {
  /** How many of the first pictures that the run will see, or all of them where there are fewer. */
  readonly pictures: number;
  /** Which view of them. */
  readonly view: string;
  /** images [n C H W], augmented as in training; `rng` is keyed by the run's seed alone. */
  run(images: Tensor, rng: Rng): void;
}

/** Rows [start, end) of a batch: a micro-batch. */
export interface Rows {
  readonly start: number;
  readonly end: number;
}

/** Pictures of a reconstruction, in the normalised space of the input. */
export interface Reconstruction {
  /** [B C H W], hidden patches at the mean colour (zero) */
  readonly masked: Tensor;
  /** [B C H W], the visible patches as they were, the hidden ones as predicted */
  readonly rebuilt: Tensor;
  /** [B C H W], every patch as predicted; visible ones carry no loss and look it */
  readonly predicted: Tensor;
  /** [B N], 1 = hidden */
  readonly mask: Tensor;
  /** What the encoder gives of the visible patches, where the method has it. */
  readonly latent?: Tensor;
  /** [B N O], what is predicted of every patch, where that is not its pixels alone */
  readonly prediction?: Tensor;
}

/** A mask that is given rather than drawn: the order of the patches, kept ones first, ids [B N], and how many are kept. */
export interface GivenMask {
  readonly ids: Tensor;
  readonly kept: number;
}

/** How a method hides parts of pictures. */
export interface Hiding {
  /** Share of the cells that is hidden in training. */
  readonly share: number;
  /** Cells down and across. */
  readonly grid: Size;
  /** A cell's height and width in pixels. */
  readonly cell: Size;
}

/** A trained run, as what a method can be built on says of itself. */
export interface TrainedRun {
  /** Of its checkpoint. */
  readonly path: string;
  /** SHA-256 of its weights. */
  readonly hash: string;
  /** Its configurations; no method where the file holds an encoder alone. */
  readonly method: ({ readonly name: string } & Readonly<Record<string, unknown>>) | undefined;
  readonly model: { readonly name: string } & Readonly<Record<string, unknown>>;
}

/** Parts of a method that come from a trained run, to be copied in when a run begins. */
export interface Borrowed {
  /** A run, or a checkpoint of one. */
  readonly run: string;
  readonly hash: string | undefined;
  /** By the names of that run's method. */
  readonly state: ReadonlyMap<string, Tensor>;
}

/** Parameters that a method wants to be treated apart from the others. */
export interface ParameterRule {
  /** Whether weight decay acts on it; the usual rule if absent: tensors of two and more dimensions. */
  readonly decays?: boolean;
  /** Factor on the learning rate. */
  readonly rate?: number;
  /** Its rate does not follow the schedule, but stays at the peak (SimSiam's predictor). */
  readonly constantRate?: boolean;
}

/** What validation measures of a batch. */
export interface Score {
  /** Over the rows, which are divided by their number; it has a `loss`. */
  readonly sums: Readonly<Record<string, number>>;
  /** [B] classes, of a method that classifies: the mean over the classes follows from them. */
  readonly predictions?: ArrayLike<number>;
}

/** A way to learn: `forward` turns a batch into a loss. Every hook is for methods that need it. */
export abstract class Method<Name extends string = string> extends Module<[Batch<Name>, Step], Loss> {
  /** What is trained. */
  abstract readonly encoder: Encoder;

  /** What it is trained for: what is judged, exported and fine-tuned. The encoder itself, unless it is a teacher (DINO). */
  get outcome(): Encoder {
    return this.encoder;
  }

  /** How its features are pooled for evaluation; the encoder's own way if absent. */
  readonly pool?: Pool;

  /**
   * At the start of a run, after first values, weights from elsewhere and `fit`, and not on resume: a teacher becomes its
   * student's copy here.
   */
  begin?(): void;

  /** What of it comes from runs that were trained before: a tokenizer. Copied in with the first values; it is in the state. */
  borrowed?(): readonly Borrowed[];

  /** What must see pictures before the first step; what is learned is in the state. */
  fit?(): Fit | undefined;

  /**
   * Called once a step with all rows of the batch, for methods that change or mix pictures across it. @returns what gives the
   * batch of some rows; absent, a micro-batch is its rows alone
   */
  prepare?(whole: Batch<Name>, step: Step): (rows: Rows) => Batch<Name>;

  /**
   * For methods that need not hold all activations at once: the loss of `forward`, and what to differentiate for its
   * gradient. Undefined: `forward` as it is. Called in training only, without a scope of its own.
   */
  pieces?(batch: Batch<Name>, step: Step): Pieces | undefined;

  /**
   * Between backward and update: gradients are in `grad`, and may be changed there (clipping by tensor, a layer that is
   * frozen for an epoch). @returns scalars for the log
   */
  beforeUpdate?(step: Step, parameters: readonly NamedTensor[]): Readonly<Record<string, Tensor>> | undefined;

  /** After the optimiser's step: moving-average teachers, queues. Changes buffers in place. */
  afterStep?(step: Step): void;

  /** How a parameter is updated, by its name in the state; undefined: as usual. */
  ruleFor?(parameter: NamedTensor): ParameterRule | undefined;

  /** What validation measures. Absent: the loss of `forward` in evaluation mode. */
  score?(batch: Batch<Name>, step: Step): Score;

  /** The score after which the best model is kept beside the last; none if absent. */
  readonly bestBy?: string;

  /** For methods that fill in pictures. @param given a mask; drawn if absent */
  reconstruct?(image: Tensor, step: Step, given?: GivenMask): Reconstruction;

  /** For methods that hide parts of pictures: which parts, and how many of them in training. */
  hiding?(): Hiding;

  /** How often a step goes forward, the pass that is differentiated included; once where it is not said. */
  forwardPasses?(): number;

  /** By what one sees that a run is well. */
  health(): Health {
    return { loss: "falls", signals: [] };
  }

  /** Graphs that it offers besides its encoder's. */
  exports?(): readonly ExportGraph[];

  /** What it predicts of a patch, where that is its pixels: what a page can put together by itself. */
  pixelTarget?(): "pixels" | "normalizedPixels" | undefined;

  /** For methods that put pictures and texts into one space: images [B C H W] -> unit vectors [B D]. */
  embedImage?(image: Tensor): Tensor;

  /** The same of texts, as `readText` gives them [B T] -> unit vectors [B D]. */
  embedText?(text: Tensor): Tensor;

  /** One line on what its pictures show: which statistics turn a prediction into pixels. */
  pictureNote?(): string;

  /** image [B C H W] -> what evaluation judges [B D] */
  features(image: Tensor): Tensor {
    return this.outcome.features(image, this.pool);
  }
}

/** What a configuration can follow from. */
export interface Settling {
  readonly classes?: readonly string[] | undefined;
  /** Texts of the pictures. */
  readonly captions?: readonly string[] | undefined;
}

/** A text as numbers, always equally many. */
export type ReadText = (text: string) => Int32Array;

/** A method as its author writes it: its schema, the views that it asks for, and how it is built. */
export interface MethodSpec<C extends z.ZodType<{ readonly name: string }>, E extends Encoder, Name extends string> {
  /** As configurations name it. */
  readonly name: string;
  readonly config: C;
  /** Which encoders it trains: `patchEncoder`, `denseEncoder`, `anyEncoder` or one of your own. */
  readonly encoders: EncoderKind<E>;
  /** The model that it is trained with where nobody names one; the first of the list of models if absent. */
  readonly usualModel?: string;
  /** The augmented views of a picture in training, by name. */
  views(config: z.output<C>, image: ImageShape): Readonly<Record<Exclude<Name, Column>, ViewSpec>>;
  /**
   * The views in which validation pictures are judged: their draws never change. Absent: the middle of a picture where there is
   * one view, and the training views where several are compared.
   */
  validationViews?(config: z.output<C>, image: ImageShape): Readonly<Record<Exclude<Name, Column>, ViewSpec>>;
  /** Columns that it cannot do without: a source that lacks one is refused when the run is opened. */
  readonly columns?: readonly Column[];
  /** Pictures that have nothing in one of these columns teach it nothing, and are left out. */
  readonly onlyComplete?: boolean;
  /** How a caption becomes its row of the column `text`: numbers, always equally many. Of a method that asks for that column. */
  readText?(config: z.output<C>): ReadText;
  /** The config with what follows from the pictures written into it: how many classes there are. */
  settle?(config: z.output<C>, source: Settling): z.output<C>;
  /** The config with what follows from trained runs that it names: their weights' hashes, and what they are. */
  resolve?(config: z.output<C>, read: (run: string) => TrainedRun): z.output<C>;
  /**
   * Why the batch must not be cut into micro-batches (negatives from the batch, batch norm, a queue); undefined where their
   * gradients add up to the whole batch's.
   */
  couplesBatch?(config: z.output<C>): string | undefined;
  /** @param makeEncoder builds the configured encoder anew at each call: a teacher is a second one */
  build(config: z.output<C>, makeEncoder: () => E): Method<Name>;
  /** What a run is made of when only its pictures are given. */
  readonly defaults?: DefaultsFor;
  /** Other people's checkpoints of it that can be read and written, besides those of its models. */
  readonly layouts?: readonly Layout[];
}

/** A method with its types sealed in: what the list holds, and everybody above uses. */
export interface DefinedMethod<Config extends { readonly name: string } = { readonly name: string }> {
  readonly name: string;
  readonly config: z.ZodType<Config>;
  readonly encoders: EncoderKind<Encoder>;
  readonly usualModel: string | undefined;
  readonly columns: readonly Column[];
  readonly onlyComplete: boolean;
  readonly defaults: DefaultsFor | undefined;
  readonly layouts: readonly Layout[];
  views(config: Config, image: ImageShape): Readonly<Record<string, ViewSpec>>;
  validationViews(config: Config, image: ImageShape): Readonly<Record<string, ViewSpec>>;
  settle(config: Config, source: Settling): Config;
  /** Undefined of a method that reads no texts. */
  readText(config: Config): ReadText | undefined;
  resolve(config: Config, read: (run: string) => TrainedRun): Config;
  couplesBatch(config: Config): string | undefined;
  /** @throws ConfigError where encoder and method do not fit together; encoders made are closed then */
  build(config: Config, makeEncoder: () => Encoder): Method;
}

/** Seals a method's types in. This is the one place where they meet what a configuration names. */
export function defineMethod<C extends z.ZodType<{ readonly name: string }>, E extends Encoder, Name extends string>(
  spec: MethodSpec<C, E, Name>,
): DefinedMethod<z.output<C>> {
  const { name, encoders, usualModel, columns = [], onlyComplete = false, defaults, layouts = [] } = spec;
  return {
    name,
    config: spec.config as unknown as z.ZodType<z.output<C>>,
    encoders,
    usualModel,
    columns,
    onlyComplete,
    defaults,
    layouts,
    views: (given, image) => spec.views(given, image),
    validationViews: (given, image) =>
      spec.validationViews?.(given, image) ?? usualViews(spec.views(given, image), image),
    settle: (given, source) => spec.settle?.(given, source) ?? given,
    readText: (given) => spec.readText?.(given),
    resolve: (given, read) => spec.resolve?.(given, read) ?? given,
    couplesBatch: (given) => spec.couplesBatch?.(given),
    build: (given, makeEncoder) =>
      closingOnError(makeEncoder, (make) => spec.build(given, () => fitting(spec, make()))),
  };
}

/** The middle of a picture where there is one view; several are compared with each other, and stay as they are. */
function usualViews(
  views: Readonly<Record<string, ViewSpec>>,
  { imageSize }: ImageShape,
): Readonly<Record<string, ViewSpec>> {
  const [only, ...more] = Object.keys(views);
  if (only === undefined || more.length > 0) return views;
  return {
    [only]: [
      { type: "resize", size: Math.max(...imageSize) },
      { type: "centerCrop", size: imageSize },
    ],
  };
}

/** What was made before something did not fit is freed. */
function closingOnError<R>(makeEncoder: () => Encoder, build: (make: () => Encoder) => R): R {
  const made: Encoder[] = [];
  const make = (): Encoder => {
    const encoder = makeEncoder();
    made.push(encoder);
    return encoder;
  };
  try {
    return build(make);
  } catch (error) {
    for (const encoder of made) encoder.close();
    throw error;
  }
}

function fitting<E extends Encoder>(
  { name, encoders }: { readonly name: string; readonly encoders: EncoderKind<E> },
  encoder: Encoder,
): E {
  if (encoders.is(encoder)) return encoder;
  throw new ConfigError({
    problem: `${name} trains ${encoders.what}, and ${encoder.constructor.name} is none.`,
    code: "encoder",
    path: "model.name",
    expected: encoders.what,
    actual: encoder.constructor.name,
    remedy: encoders.remedy ?? "Choose another model.name, or a method that trains this model.",
  });
}
