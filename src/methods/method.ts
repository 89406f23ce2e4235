import type { z } from "zod";
import type { Transform } from "../data/views.js";
import type { Encoder } from "../models/encoder.js";
import type { ImageShape } from "../models/vit.js";
import { Module } from "../nn/module.js";
import type { Rng } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";

/** What a training step knows besides its images. */
export interface Step {
  /** Optimiser steps taken so far. */
  readonly index: number;
  readonly epoch: number;
  /** Share of the run that is done, 0 to 1. */
  readonly progress: number;
  /** Keyed by (seed, epoch, sample): one row a picture of the batch. Fork it for each purpose. */
  readonly rng: Rng;
}

/** A scalar to minimise and, for the log, what it was made of. */
export interface Loss {
  readonly total: Tensor;
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
  /** So many patches of the first pictures that the run will see; fewer where there are not so many. */
  readonly patches: number;
  /** images [n C H W], augmented as in training; `rng` is keyed by the run's seed alone. */
  run(images: Tensor, rng: Rng): void;
}

/** Patches that a basis or a codebook is fitted to: 1024 pictures of 8 × 8 patches, 335 of 14 × 14. */
export const patchesToFit = 65_536;

/** Pictures of a reconstruction, in the normalised space of the input. */
export interface Reconstruction {
  /** [B C H W], hidden patches at the mean colour (zero) */
  readonly masked: Tensor;
  /** [B C H W], the visible patches as they were, the hidden ones as predicted */
  readonly rebuilt: Tensor;
  /** [B C H W], every patch as predicted; visible ones carry no loss and look it (paper, figure 2) */
  readonly predicted: Tensor;
  /** [B N], 1 = hidden */
  readonly mask: Tensor;
}

/** All that a method which fills in pictures makes of a picture and a mask. */
export interface Filled extends Omit<Reconstruction, "mask"> {
  /** [B 1+K D], the encoder's normed tokens: class token first, then the visible patches in the order given */
  readonly latent: Tensor;
  /** [B N O], what the decoder says of every patch, in image order; pixels of a patch stand channels last */
  readonly prediction: Tensor;
  /** [B N], 1 = hidden */
  readonly hidden: Tensor;
}

/** A way to learn without labels: `forward` turns views of a batch into a loss. */
export abstract class Method<View extends string = "image"> extends Module<
  [Readonly<Record<View, Tensor>>, Step],
  Loss
> {
  abstract readonly encoder: Encoder;

  /**
   * For methods that need not hold all activations at once: the loss of `forward`, and what to differentiate for its
   * gradient. Undefined: `forward` as it is. Called in training only, without a scope of its own.
   */
  pieces?(views: Readonly<Record<View, Tensor>>, step: Step): Pieces | undefined;

  /** After the optimiser's step: moving-average teachers, queues. Changes buffers in place. */
  afterStep?(step: Step): void;

  /**
   * For methods that fill in pictures. @param given a mask: the order of the patches, kept ones first, ids [B N], and how
   * many are kept; drawn if absent
   */
  reconstruct?(image: Tensor, step: Step, given?: { readonly ids: Tensor; readonly kept: number }): Reconstruction;

  /**
   * The same as a function of its tensors alone, which is what is exported: image [B C H W], visible patches [B K] and the
   * place of each patch in the order visible, then hidden [B N]; both int64. No number is drawn.
   */
  fillIn?(image: Tensor, visible: Tensor, restore: Tensor): Filled;

  /** For methods that fill in pictures: the share of the patches that is hidden in training. */
  hiddenShare?(): number;

  /** How often a step goes forward, the pass that is differentiated included; once where it is not said. */
  forwardPasses?(): number;

  /** For methods that must see pictures before the first step; what they learn is in their state. */
  fit?(): Fit | undefined;

  /** Loss of a method that learned nothing but the mean, where that is known: the verdict compares with it. */
  baseline?(): number;

  /** One line on what its pictures show: which statistics turn a prediction into pixels. */
  pictureNote?(): string;
}

/** A method in the list: its schema, the views that it asks for, and how it is built. */
export interface MethodSpec<C extends z.ZodType, E extends Encoder, View extends string> {
  readonly config: C;
  views(config: z.output<C>, image: ImageShape): Readonly<Record<View, Transform>>;
  build(config: z.output<C>, encoder: E): Method<View>;
}
