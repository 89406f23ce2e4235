/**
 * SupMAE: Supervised Masked Autoencoders Are Efficient Vision Learners. Liang, Li, Marculescu; arXiv 2205.14540.
 * Official code: enyac-group/supmae.
 *
 * MAE with a classifier that is trained with labels on the visible tokens alone. It learns from labels: its numbers do not
 * belong into a table of methods that learn without them.
 *
 * What differs: pictures without a label carry no classification loss, and are reconstructed like all others; everything else
 * is the official code's, names included.
 *
 * Expected: the official code's losses, gradients and three optimiser steps (test/reference/supmae-*.safetensors).
 */
import { z } from "zod";
import { type PatchEncoder, patchEncoder } from "../../models/encoder.js";
import type { Tensors } from "../../models/published/tensors.js";
import { Relu } from "../../nn/activations.js";
import { BatchNorm1d } from "../../nn/batch-norm.js";
import { Linear } from "../../nn/linear.js";
import { Chain, type Module } from "../../nn/module.js";
import { crossEntropy } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Health } from "../health.js";
import { decoderConfig, Mae, maeConfig, maeDefaults } from "../masked/mae.js";
import { type Batch, defineMethod, type Loss, type Step } from "../method.js";
import { augmentationConfig, maskedView } from "../parts/augmentation.js";
import { officialMaeLayout } from "../published/mae.js";
import { agreementOf, agreementSignal, labelCauses, usualClasses } from "../supervised/agreement.js";

const positive = z.int().positive();

/** Schema of SupMAE's options (docs/methods/supmae.md). */
export const supmaeConfig = z.strictObject({
  name: z.literal("supmae").default("supmae"),
  maskRatio: maeConfig.shape.maskRatio,
  normalizeTargets: maeConfig.shape.normalizeTargets,
  decoder: decoderConfig
    .unwrap()
    .extend({ depth: positive.default(1).describe("blocks; MAE has 8") })
    .prefault({}),
  classes: positive
    .min(2)
    .optional()
    .describe(
      "logits of the classifier; absent: one for each class of the pictures, as the run writes it into its run.json",
    ),
  pool: z
    .enum(["mean", "class"])
    .default("mean")
    .describe("what is classified: the mean of the visible tokens, or the class token (paper, table 2b)"),
  hidden: z
    .int()
    .min(0)
    .default(3072)
    .describe("width of the classifier's hidden layer, with batch norm; 0: one linear layer"),
  temperature: z.number().positive().default(10).describe("T: logits are divided by it before the cross-entropy"),
  classWeight: z
    .number()
    .min(0)
    .default(0.01)
    .describe("λ: weight of the cross-entropy beside the reconstruction loss"),
  augmentation: augmentationConfig,
});
/** SupMAE's options with their defaults filled in. */
export type SupmaeConfig = z.output<typeof supmaeConfig>;

type Name = "image" | "label";

/** MAE with a classifier that is trained with labels on the visible tokens. */
export class SupMae extends Mae {
  readonly clsHead: Chain<Module> | Linear;
  readonly classes: number;

  constructor(
    readonly options: SupmaeConfig,
    encoder: PatchEncoder,
  ) {
    const { maskRatio, normalizeTargets, decoder, augmentation } = options;
    super(maeConfig.parse({ maskRatio, normalizeTargets, decoder, augmentation }), encoder);
    this.classes = options.classes ?? usualClasses;
    this.clsHead = classifier(encoder.width, options.hidden, this.classes);
  }

  /** image [B C H W], label [B] -> L_rec + λ · CE(logits / T, label) */
  protected override forward({ image, label }: Batch<Name>, { rng }: Step): Loss {
    const mask = this.draw(rng, image.device);
    const latent = this.encodeVisible(image, mask); // [B 1+K D]
    const reconstruction = this.lossFrom(image, latent, mask); // []
    const { loss, accuracy, agreement } = this.classify(latent, label);
    const classification = loss.mul(this.options.classWeight); // []
    return {
      total: reconstruction.add(classification),
      parts: { reconstruction, classification, accuracy, agreement },
    };
  }

  /**
   * latent [B 1+K D], label [B], −1 where there is none -> mean cross-entropy of those that have one [], their hits [], and by how
   * much these exceed chance, from 0 to 1 (Cohen's kappa over the batch) []
   */
  private classify(latent: Tensor, label: Tensor): Record<"loss" | "accuracy" | "agreement", Tensor> {
    const pooled = this.options.pool === "class" ? latent.select(1, 0) : latent.slice(1, 1).mean([1]); // [B D]
    const logits = (this.clsHead as Module).call(pooled).float(); // [B C]
    const known = label.ge(0).float(); // [B]
    const count = known.sum().clamp(1); // []
    const each = crossEntropy(logits.div(this.options.temperature), label.clamp(0), { reduction: "none" }); // [B]
    return { loss: each.mul(known).sum().div(count), ...agreementOf(logits, label) };
  }

  override health(): Health {
    const { classWeight, temperature } = this.options;
    const chance = 1 / this.classes;
    const causes = [...labelCauses, "Without labels that mean something, mae learns as much in less time."];
    return {
      ...super.health(),
      trivial: (super.health().trivial ?? 1) + classWeight * Math.log(this.classes),
      trivialAnswer: "predicting the mean, and every class alike",
      signals: [
        agreementSignal(causes),
        {
          name: "heldOut.classification",
          what: "classification loss of pictures that are not trained on",
          above: classWeight * Math.log(this.classes) * (temperature > 1 ? 0.999 : 1),
          finding: `Labels teach nothing: on held-out pictures the classifier is no better than chance (${(100 * chance).toPrecision(3)} %).`,
          causes,
        },
      ],
    };
  }
}

/** Two layers with batch norm and ReLU between them, numbered as in the official code; or one. */
function classifier(width: number, hidden: number, classes: number): Chain<Module> | Linear {
  if (hidden === 0) return new Linear(width, classes);
  return new Chain<Module>([
    new Linear(width, hidden),
    new BatchNorm1d(hidden),
    new Relu(),
    new Linear(hidden, classes),
  ]);
}

/** Sizes of a published classifier. */
function classifierSizes(rest: Tensors): Pick<SupmaeConfig, "hidden" | "classes"> {
  const [first, last] = ["cls_head.0.weight", "cls_head.3.weight"].map((name) => rest.get(name)?.shape[0]);
  const single = rest.get("cls_head.weight")?.shape[0];
  return single === undefined ? { hidden: first ?? 0, classes: last } : { hidden: 0, classes: single };
}

/** The definition of SupMAE (Liang et al. 2022): `{ name: "supmae" }` in a configuration. */
export const supmae = defineMethod({
  name: "supmae",
  config: supmaeConfig,
  encoders: patchEncoder,
  columns: ["label"],
  views: ({ augmentation }, image) => maskedView(augmentation, image),
  settle: (config, { classes }) => ({ ...config, classes: config.classes ?? classes?.length }),
  couplesBatch: ({ hidden }) => (hidden > 0 ? "its classifier normalises over the batch" : undefined),
  build: (config, makeEncoder) => new SupMae(config, makeEncoder()),
  defaults: maeDefaults,
  layouts: [
    officialMaeLayout({
      name: "supmae",
      names: ["supmae"],
      isPart: (name) => name.startsWith("cls_head."),
      describe: classifierSizes,
    }),
  ],
});
