/**
 * An encoder with a classifier; a ViT's as MAE's fine-tuning builds it. Paper: He et al., CVPR 2022, arXiv 2111.06377,
 * appendix A.1. Code compared with: facebookresearch/mae (models_vit.py, main_finetune.py, main_linprobe.py).
 * Names in the state are the published ones (`fc_norm.weight`, `head.weight`, …; a probe's `head.0`, `head.1`), so the authors'
 * fine-tuned checkpoints load with no table. Differences: a probe's count of batches is not kept, since nothing reads it.
 */
import { z } from "zod";
import { ConfigError } from "../errors.js";
import type { Encoder, Part, Pool } from "../models/encoder.js";
import { BatchNorm1d } from "../nn/batch-norm.js";
import { normal } from "../nn/init.js";
import { LayerNorm } from "../nn/layer-norm.js";
import { Linear } from "../nn/linear.js";
import { Chain, Module, type Parameter } from "../nn/module.js";
import type { Tensor } from "../tensor/tensor.js";

export const poolSchema = z
  .enum(["mean", "class"])
  .describe("what is classified: mean of the patch tokens, or the class token");
export type { Pool };

/** How much is trained: all, this number of last blocks (0.5: the MLP half of the last), or, with 0, the classifier alone. */
export const trainBlocksSchema = z
  .union([z.literal("all"), z.literal(0.5), z.int().min(0)])
  .describe("last blocks that are trained: all, a number, 0.5 (the MLP half of the last one) or 0 (linear probing)");
export type TrainBlocks = z.output<typeof trainBlocksSchema>;

export interface ClassifierOptions {
  readonly classes: number;
  readonly pool: Pool;
  readonly trainBlocks: TrainBlocks;
}

/** Deviation of the head's first weights: fine-tuning begins next to zero, a probe does not (official code). */
const headDeviation = { finetune: 2e-5, probe: 0.01 } as const;

/** MAE's published ε of the norm before a probe's classifier. */
const probeEpsilon = 1e-6;

/** An encoder with a linear head: image [B C H W] -> logits [B K], float32. Only `trainBlocks` of it is trained. */
export class Classifier extends Module<[Tensor], Tensor> {
  /** In place of the encoder's final norm, where patch tokens are averaged (not in a probe). */
  readonly fcNorm: LayerNorm | undefined;
  readonly head: Linear | Chain<BatchNorm1d | Linear>;
  readonly pool: Pool;
  readonly trainBlocks: TrainBlocks;
  readonly classes: number;

  constructor(
    readonly encoder: Encoder,
    { classes, pool, trainBlocks }: ClassifierOptions,
  ) {
    super();
    this.pool = pool;
    this.classes = classes;
    checkBlocks(trainBlocks, encoder.depth);
    this.trainBlocks = typeof trainBlocks === "number" && trainBlocks >= encoder.depth ? "all" : trainBlocks;
    const isNormed = pool === "mean" && !this.isProbe && encoder.unnormed !== undefined;
    this.fcNorm = isNormed ? new LayerNorm(encoder.width) : undefined;
    this.head = this.isProbe ? probeHead(encoder.width, classes) : linearHead(encoder.width, classes, "finetune");
    this.#freeze();
  }

  /** Whether the encoder is frozen as a whole. */
  get isProbe(): boolean {
    return this.trainBlocks === 0;
  }

  /** The official names: the encoder's parts stand at the top. Without its final norm where that is replaced. */
  override state(prefix = ""): Map<string, Parameter> {
    const within = `${prefix}encoder.`;
    const unused = this.fcNorm === undefined ? undefined : `${within}norm.`;
    return new Map(
      [...super.state(prefix)].flatMap(([name, value]): [string, Parameter][] => {
        if (unused !== undefined && name.startsWith(unused)) return [];
        return [[name.startsWith(within) ? prefix + name.slice(within.length) : name, value]];
      }),
    );
  }

  /** image [B C H W] -> logits [B K], float32 */
  protected forward(image: Tensor): Tensor {
    return (this.head as Module).call(this.features(image)).float(); // [B K]
  }

  /** image [B C H W] -> what the head is given [B D] */
  features(image: Tensor): Tensor {
    const mean = this.fcNorm === undefined ? undefined : this.encoder.unnormed?.(image); // [B D]
    return mean === undefined ? this.encoder.features(image, this.pool) : (this.fcNorm as LayerNorm).call(mean);
  }

  /** What is frozen stays as in evaluation: drop path would only add noise to it. */
  override setTraining(on: boolean): void {
    super.setTraining(false);
    this.training = on;
    if (!on) return;
    for (const part of this.#trained()) part.setTraining(true);
    if (this.trainBlocks === "all") this.encoder.setTraining(true);
  }

  override close(): void {
    super.close();
    this.encoder.close(); // its final norm too, which may be outside the state
  }

  /** Leaves gradients to what is trained. Positions are trained with all the rest, as in the official fine-tuning. */
  #freeze(): void {
    const all = this.trainBlocks === "all";
    for (const parameter of this.encoder.state().values()) parameter.setRequiresGrad(all);
    for (const parameter of this.#trained().flatMap((part) => [...part.state().values()]))
      if (parameter.trainable) parameter.setRequiresGrad(true);
  }

  /** Parts of the model that are trained besides what is next to the pixels. */
  #trained(): Part[] {
    const own = [this.head, ...(this.fcNorm === undefined ? [] : [this.fcNorm])] as Part[];
    if (this.trainBlocks === 0) return own;
    const { encoder, trainBlocks } = this;
    return [...own, ...encoder.lastLayers(trainBlocks === "all" ? encoder.depth : trainBlocks)];
  }
}

/** @throws ConfigError for more blocks than there are: whoever asks for them takes the encoder for another one */
function checkBlocks(trainBlocks: TrainBlocks, depth: number): void {
  if (trainBlocks === "all" || trainBlocks <= depth) return;
  throw new ConfigError({
    problem: `the encoder has ${depth} blocks, and the last ${trainBlocks} are to be trained.`,
    code: "train-blocks",
    path: "trainBlocks",
    expected: `all, a number up to ${depth}, 0.5 or 0`,
    actual: trainBlocks,
    remedy: "Say all for the whole encoder.",
  });
}

function linearHead(width: number, classes: number, kind: keyof typeof headDeviation): Linear {
  return new Linear(width, classes, { weightInit: normal(headDeviation[kind]) });
}

function probeHead(width: number, classes: number): Chain<BatchNorm1d | Linear> {
  return new Chain<BatchNorm1d | Linear>([
    new BatchNorm1d(width, { affine: false, epsilon: probeEpsilon }),
    linearHead(width, classes, "probe"),
  ]);
}
