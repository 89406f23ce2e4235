/**
 * Masked Feature Prediction for Self-Supervised Visual Pre-Training (MaskFeat), on pictures. Wei, Fan, Xie, Wu, Yuille, Feichtenhofer;
 * CVPR 2022, arXiv 2112.09133. Official code: facebookresearch/SlowFast, configs/masked_ssl.
 *
 * What differs: any image, patch size and number of channels; block masks are topped up to an exact count, as BEiT v2's; the norm in front
 * of the prediction is the encoder's last one (the official encoder has none and its head one); positions are fixed unless
 * `model.positions` is `learned`. Of the paper's five targets those are here that need no other network: histograms of gradients, pixels.
 *
 * Expected: the official code's histograms, losses, gradients and three optimiser steps (test/reference/maskfeat-*.safetensors).
 */
import { z } from "zod";
import { type PatchEncoder, patchEncoder } from "../../models/encoder.js";
import type { ExportGraph } from "../../models/exports.js";
import { truncatedNormal, zero } from "../../nn/init.js";
import { Linear } from "../../nn/linear.js";
import { Parameter } from "../../nn/parameter.js";
import { take } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup, rateFor } from "../defaults.js";
import type { Health } from "../health.js";
import {
  type Batch,
  defineMethod,
  type GivenMask,
  type Hiding,
  type Loss,
  Method,
  type Reconstruction,
  type Step,
} from "../method.js";
import { augmentationConfig, maskedView } from "../parts/augmentation.js";
import { fillPictures } from "../parts/filling/fill.js";
import { fillInGraph } from "../parts/filling/fill-in-graph.js";
import { checkMaskRatio, drawMask, encodeWithMaskToken, hiddenPatches, type Mask, maskOf } from "../parts/masks.js";
import { HogTarget } from "../parts/targets/hog.js";
import { PixelTarget } from "../parts/targets/pixels.js";
import type { Target } from "../parts/targets/target.js";

const positive = z.int().positive();

/** Schema of MaskFeat's options (docs/methods/maskFeat.md). */
export const maskFeatConfig = z.strictObject({
  name: z.literal("maskFeat").default("maskFeat"),
  maskRatio: z.number().gt(0).lt(1).default(0.4).describe("share of the patches that is hidden (section 4.1)"),
  mask: z
    .enum(["block", "random"])
    .default("block")
    .describe("how hidden patches are drawn: BEiT's blocks, or one by one"),
  target: z
    .enum(["hog", "pixels"])
    .default("hog")
    .describe("what is predicted: histograms of oriented gradients, or normalised pixels (table 2)"),
  cells: positive
    .default(2)
    .describe("where histograms are: cells along a side of a patch; 1 for patches of a few pixels"),
  augmentation: augmentationConfig,
});
/** MaskFeat's options with their defaults filled in. */
export type MaskFeatConfig = z.output<typeof maskFeatConfig>;

/** MaskFeat: the encoder sees every patch, hidden ones as a mask token, and one linear layer predicts what the hidden ones looked like. */
export class MaskFeat extends Method<"image"> {
  readonly maskToken: Parameter; // [1 1 D]
  readonly head: Linear;
  readonly target: Target;

  constructor(
    readonly config: MaskFeatConfig,
    readonly encoder: PatchEncoder,
  ) {
    super();
    checkMaskRatio(config.maskRatio, encoder.patches);
    const { patchSize, channels } = encoder;
    this.target =
      config.target === "hog"
        ? new HogTarget(patchSize, channels, config.cells)
        : new PixelTarget(patchSize, channels, true);
    this.maskToken = new Parameter([1, 1, encoder.width], truncatedNormal(0.02));
    this.head = new Linear(encoder.width, this.target.outputs, { weightInit: truncatedNormal(0.02), biasInit: zero });
  }

  /** image [B C H W] -> mean squared error over the hidden patches (section 3.1) */
  protected forward({ image }: Batch<"image">, { rng }: Step): Loss {
    return { total: this.loss(image, this.draw(rng, image.device)) }; // []
  }

  draw(rng: Step["rng"], device: string): Mask {
    return drawMask(this.config.mask, this.config.maskRatio, this.encoder.grid, rng.fork("mask"), device);
  }

  /** image [B C H W] -> [] */
  loss(image: Tensor, mask: Mask): Tensor {
    const hidden = mask.ids.slice(1, mask.kept); // [B M]
    const latent = encodeWithMaskToken(this.encoder, image, mask, this.maskToken); // [B 1+N D]
    const predicted = this.head.call(take(latent.slice(1, 1), hidden)); // [B M O]
    return this.target.loss(predicted, take(this.target.call(image), hidden)); // []
  }

  override reconstruct(image: Tensor, { rng }: Step, given?: GivenMask): Reconstruction {
    const mask = given === undefined ? this.draw(rng, image.device) : maskOf(given.ids, given.kept);
    const { masked, rebuilt, predicted, hidden } = this.fillIn(image, mask);
    return { masked, rebuilt, predicted, mask: hidden };
  }

  /** image [B C H W] and a mask -> latent [B 1+N D], what is predicted of every patch [B N O], hidden [B N], pictures [B C H W] */
  private fillIn(image: Tensor, mask: Mask) {
    const { patchSize: patch, grid } = this.encoder;
    const latent = encodeWithMaskToken(this.encoder, image, mask, this.maskToken); // [B 1+N D]
    const prediction = this.head.call(latent.slice(1, 1)); // [B N O]
    const hidden = hiddenPatches(mask); // [B N]
    return {
      latent,
      prediction,
      hidden,
      ...fillPictures(image, this.target.pixels(prediction, image), hidden, { patch, grid }),
    };
  }

  override hiding(): Hiding {
    const { grid, patchSize: cell } = this.encoder;
    return { share: this.config.maskRatio, grid, cell };
  }

  override health(): Health {
    return { loss: "falls", trivial: this.target.baseline(), trivialAnswer: "predicting the mean", signals: [] };
  }

  override exports(): readonly ExportGraph[] {
    const { channels, imageSize, patches } = this.encoder;
    return [
      fillInGraph({
        ...{ module: this, channels, imageSize, patches },
        run: (image, visible, restore) => {
          const { latent, prediction, rebuilt } = this.fillIn(image, { ids: visible, restore, kept: visible.side(1) });
          return { prediction, rebuilt, features: latent.slice(1, 1).mean([1]) };
        },
      }),
    ];
  }

  override pixelTarget(): "pixels" | "normalizedPixels" | undefined {
    return this.target instanceof PixelTarget ? this.target.kind : undefined;
  }

  override pictureNote(): string {
    return this.target.note();
  }
}

/** The official configuration (in1k_VIT_B_MaskFeat_PT.yaml): the whole picture goes through the encoder. */
function defaults({ side, patches, shorterSide = side, length }: DefaultsFacts): MethodDefaults {
  const patch = side / Math.sqrt(patches);
  return {
    choices: [
      rateFor(2e-4, length?.batch, "the official configuration's, for 256 pictures"),
      {
        key: "optim.clipNorm",
        value: 0.02,
        reason: "the official one: each step's gradient is brought to this length",
      },
      ...(patch < 8
        ? [{ key: "method.cells", value: 1, reason: `a patch of ${patch} pixels has room for one histogram` }]
        : []),
      ...paperWarmup(length, 30, 300),
    ],
    settings: { "method.augmentation": shorterSide < 64 ? "fixedCrop" : "randomCrop" },
    cost: 1,
    patches: "two of five hidden, all of them encoded",
    schedule: { epochs: 300, reason: "the paper's schedule for its ablations" },
  };
}

/** The definition of MaskFeat (Wei et al. 2022): `{ name: "maskFeat" }` in a configuration. */
export const maskFeat = defineMethod({
  name: "maskFeat",
  config: maskFeatConfig,
  encoders: patchEncoder,
  defaults,
  views: ({ augmentation }, image) => maskedView(augmentation, image, [0.5, 1]),
  build: (config, makeEncoder) => new MaskFeat(config, makeEncoder()),
});
