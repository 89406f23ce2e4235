/**
 * Supervised training from scratch: an encoder and a linear classifier, learned from labels alone. What methods that learn
 * without labels are measured against.
 *
 * Papers: An Image is Worth 16x16 Words (ViT). Dosovitskiy et al.; ICLR 2021, arXiv 2010.11929. Training data-efficient image
 * transformers & distillation through attention (DeiT). Touvron et al.; ICML 2021, arXiv 2012.12877. Official code:
 * facebookresearch/deit.
 *
 * What differs: any encoder; with the mean of the tokens in place of the class token they are normed first, as in big_vision.
 * No repeated augmentation, no distillation, no linear–tanh–linear head of ViT's own pre-training. The average of the weights
 * begins faster (`average`). Pictures without a label are left out.
 *
 * Expected: the official code's losses, gradients and three optimiser steps (test/reference/supervised-*.safetensors).
 */
import { z } from "zod";
import { anyEncoder, type Encoder, type Pool } from "../../models/encoder.js";
import { normal } from "../../nn/init.js";
import { Linear } from "../../nn/linear.js";
import { Module } from "../../nn/module.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup, rateFor } from "../defaults.js";
import type { Health } from "../health.js";
import { defineMethod } from "../method.js";
import { agreementOf, agreementSignal, labelCauses, usualClasses } from "./agreement.js";
import { augmentationConfig, judgingView, trainingView } from "./augmentation.js";
import { Labelled, type LabelModel } from "./labelled.js";

/** Schema of supervised training's options (docs/methods/supervised.md). */
export const supervisedConfig = z.strictObject({
  name: z.literal("supervised").default("supervised"),
  classes: z
    .int()
    .min(2)
    .optional()
    .describe("logits; absent: one for each class of the pictures, as the run writes it into its run.json"),
  pool: z
    .enum(["mean", "class"])
    .optional()
    .describe(
      "what is classified: mean of the normed tokens, or the class token; absent: the class token where there is one",
    ),
  average: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("decay of a moving average of the weights, which is then judged and exported (DeiT: 0.99996); 0: none"),
  augmentation: augmentationConfig.prefault({}),
});
/** Supervised training's options with their defaults filled in. */
export type SupervisedConfig = z.output<typeof supervisedConfig>;

/** An encoder and a linear layer on its features, with DeiT's first values. */
class LinearClassifier extends Module<[Tensor], Tensor> implements LabelModel {
  readonly head: Linear;

  constructor(
    readonly encoder: Encoder,
    readonly classes: number,
    readonly pool: Pool,
  ) {
    super();
    this.head = new Linear(encoder.width, classes, { weightInit: normal(0.02) });
  }

  /** image [B C H W] -> logits [B K], float32 */
  protected forward(image: Tensor): Tensor {
    return this.head.call(this.encoder.features(image, this.pool)).float(); // [B K]
  }
}

/** Supervised training from scratch, of any encoder. */
export class SupervisedTraining extends Labelled<LinearClassifier> {
  override readonly pool: Pool;

  constructor(
    private readonly config: SupervisedConfig,
    makeEncoder: () => Encoder,
  ) {
    super(config, () => {
      const encoder = makeEncoder();
      const pool = config.pool ?? (encoder.pools.includes("class") ? "class" : "mean");
      return new LinearClassifier(encoder, config.classes ?? usualClasses, pool);
    });
    this.pool = this.model.pool;
  }

  /** Against the likelier label of a picture that was mixed of two. */
  protected override partsOf(logits: Tensor, targets: Tensor): Readonly<Record<string, Tensor>> {
    return agreementOf(logits, targets.rank === 2 ? targets.argmax(-1) : targets);
  }

  /** Where pictures are mixed the loss stays high however well they are told apart: nobody can name half of a picture. */
  override health(): Health {
    const { mixup, cutmix, probability } = this.config.augmentation.mixing;
    const signals = [agreementSignal(labelCauses)];
    if (probability > 0 && mixup + cutmix > 0) return { loss: "moves", signals };
    const trivial = Math.log(this.model.classes);
    return { loss: "falls", trivial, trivialAnswer: "predicting every class alike", signals };
  }
}

/** Numbers are DeiT's. */
function defaults({ shorterSide, side, length }: DefaultsFacts): MethodDefaults {
  const isSmall = (shorterSide ?? side) < 64;
  return {
    choices: [
      rateFor(2.5e-4, length?.batch, "DeiT's 5e-4 for 512 pictures"),
      { key: "optim.weightDecay", value: 0.05, reason: "DeiT's" },
      ...paperWarmup(length, 5, 300),
    ],
    settings: isSmall ? { "method.augmentation.crop": { name: "shifted" } } : {},
    cost: 1,
    schedule: { epochs: 300, reason: "DeiT's schedule" },
  };
}

/** The definition of supervised training (Dosovitskiy et al. 2021, Touvron et al. 2021): `{ name: "supervised" }` in a configuration. */
export const supervised = defineMethod({
  name: "supervised",
  config: supervisedConfig,
  encoders: anyEncoder,
  columns: ["label"],
  onlyComplete: true,
  views: ({ augmentation }, { imageSize }) => ({ image: trainingView(augmentation, imageSize) }),
  validationViews: ({ augmentation }, { imageSize }) => ({ image: judgingView(augmentation, imageSize) }),
  settle: (config, { classes }) => ({ ...config, classes: config.classes ?? classes?.length }),
  build: (config, makeEncoder) => new SupervisedTraining(config, makeEncoder),
  defaults,
});
