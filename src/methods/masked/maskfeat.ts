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
import { type DefaultsFacts, type MethodDefaults, paperWarmup, rateFor } from "../defaults.js";
import { type Batch, defineMethod, type Loss, type Step } from "../method.js";
import { augmentationConfig, maskedView } from "../parts/augmentation.js";
import { HogTarget } from "../parts/targets/hog.js";
import { PixelTarget } from "../parts/targets/pixels.js";
import { MaskTokenMethod } from "./mask-token.js";

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
export class MaskFeat extends MaskTokenMethod<MaskFeatConfig> {
  constructor(config: MaskFeatConfig, encoder: PatchEncoder) {
    const { patchSize, channels } = encoder;
    const isHog = config.target === "hog";
    const target = isHog
      ? new HogTarget(patchSize, channels, config.cells)
      : new PixelTarget(patchSize, channels, true);
    super(config, encoder, target);
  }

  /** image [B C H W] -> mean squared error over the hidden patches (section 3.1) */
  protected forward({ image }: Batch<"image">, { rng }: Step): Loss {
    return { total: this.loss(image, this.draw(rng, image.device)) }; // []
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
