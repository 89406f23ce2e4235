/**
 * Masked Autoencoders Are Scalable Vision Learners. He, Chen, Xie, Li, Dollár, Girshick; CVPR 2022, arXiv 2111.06377.
 * Official code: facebookresearch/mae. Every axis of the paper's ablations (table 1, figure 5) is a key of the config;
 * those without public code follow the paper's words (docs/methods/mae.md says where it is silent).
 *
 * What differs: only the kept patches are embedded and only the hidden ones predicted, which gives the same loss for
 * less work; any image, patch size and number of channels; block masks are topped up to an exact count.
 *
 * Expected: the official code's loss, predictions and gradients (test/methods/masked/mae.test.ts, from
 * test/reference/mae-small.safetensors); its learning curve on CIFAR-10 (records/, test/reference/README.md).
 */
import { z } from "zod";
import { type PatchEncoder, patchEncoder } from "../../models/encoder.js";
import type { ExportGraph } from "../../models/exports.js";
import { blockMultiplyAdds } from "../../models/sizes.js";
import { normal } from "../../nn/init.js";
import { Parameter } from "../../nn/module.js";
import { take } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, rateFor } from "../defaults.js";
import type { Health } from "../health.js";
import {
  type Batch,
  defineMethod,
  type Fit,
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
import { PatchDecoder } from "../parts/filling/patch-decoder.js";
import {
  checkLeavesOut,
  checkMaskRatio,
  drawMask,
  encodePatches,
  encodeWithMaskToken,
  hiddenPatches,
  type Mask,
  maskOf,
} from "../parts/masks.js";
import { buildTarget } from "../parts/targets/build.js";
import { PixelTarget } from "../parts/targets/pixels.js";
import { fitOf, type Target } from "../parts/targets/target.js";
import { tokenizerConfig } from "../parts/tokenizers/build.js";
import { officialMaeLayout, vitMaeLayout } from "../published/mae.js";

const positive = z.int().positive();
const between = "expected a number between 0 and 1";
const share = z.number().gt(0, between).lt(1, between);

export const decoderConfig = z
  .strictObject({
    width: positive.default(512).describe("token width (table 1b)"),
    depth: positive.default(8).describe("blocks (table 1a)"),
    heads: positive.default(16),
    mlpRatio: z.number().positive().default(4),
  })
  .prefault({})
  .describe("thrown away after pre-training");

/** Schema of MAE's options; keys name the paper's ablation that they come from (docs/methods/mae.md). */
export const maeConfig = z.strictObject({
  name: z.literal("mae").default("mae"),
  maskRatio: share.default(0.75).describe("share of the patches that is hidden (paper, figure 5)"),
  mask: z
    .enum(["random", "block", "grid"])
    .default("random")
    .describe("how hidden patches are drawn (paper, table 1f)"),
  maskTokenInEncoder: z
    .boolean()
    .default(false)
    .describe("the encoder sees every patch, hidden ones as a mask token, instead of the visible ones (table 1c)"),
  target: z
    .enum(["pixels", "pca", "tokens"])
    .default("pixels")
    .describe("what is predicted: pixels, PCA coefficients of a patch, or discrete tokens (table 1d)"),
  normalizeTargets: z
    .boolean()
    .default(true)
    .describe("where pixels are predicted: after normalising each patch (table 1d)"),
  pcaCoefficients: positive
    .optional()
    .describe("where PCA coefficients are: how many; absent: an eighth of a patch's values, the paper's 96 of 768"),
  tokenizer: tokenizerConfig.prefault({ name: "kMeans" }).describe("where tokens are: what makes them"),
  lossOn: z
    .enum(["hidden", "all"])
    .default("hidden")
    .describe("patches that carry the loss; all of them cost 0.5 points (section 3, reconstruction target)"),
  decoder: decoderConfig,
  augmentation: augmentationConfig,
});
/** MAE's options with their defaults filled in. */
export type MaeConfig = z.output<typeof maeConfig>;

/** All that a masked autoencoder makes of a picture and a mask. */
export interface Filled extends Omit<Reconstruction, "mask"> {
  /** [B 1+K D], the encoder's normed tokens: class token first, then the visible patches in the order given */
  readonly latent: Tensor;
  /** [B N O], what the decoder says of every patch, in image order; pixels of a patch stand channels last */
  readonly prediction: Tensor;
  /** [B N], 1 = hidden */
  readonly hidden: Tensor;
}

/**
 * A masked autoencoder: the encoder sees the visible patches, a small decoder predicts the hidden ones. State as the official
 * code's.
 */
export class Mae extends Method<"image"> {
  readonly decoder: PatchDecoder;
  /** Of hidden patches in the encoder [1 1 D] (table 1c); otherwise the decoder has it. */
  readonly maskToken: Parameter | null;
  readonly target: Target;

  constructor(
    readonly config: MaeConfig,
    readonly encoder: PatchEncoder,
  ) {
    super();
    checkMaskRatio(config.maskRatio, encoder.patches);
    if (!config.maskTokenInEncoder) checkLeavesOut(encoder);
    this.target = buildTarget(config, encoder);
    this.maskToken = config.maskTokenInEncoder ? new Parameter([1, 1, encoder.width], normal(0.02)) : null;
    const sizes = { inputs: encoder.width, outputs: this.target.outputs, grid: encoder.grid };
    this.decoder = new PatchDecoder({ ...sizes, ...config.decoder, fillsIn: this.maskToken === null });
  }

  /** The official names: the parts of encoder and decoder stand side by side at the top. */
  override state(prefix = ""): Map<string, Parameter> {
    const within = [`${prefix}encoder.`, `${prefix}decoder.`];
    const outer = (name: string): string => {
      const part = within.find((start) => name.startsWith(start));
      return part === undefined ? name : prefix + name.slice(part.length);
    };
    return new Map([...super.state(prefix)].map(([name, value]) => [outer(name), value]));
  }

  /** image [B C H W] -> error over the hidden patches (paper, section 3) */
  protected forward({ image }: Batch<"image">, { rng }: Step): Loss {
    const mask = this.draw(rng, image.device);
    return { total: this.loss(image, mask) }; // []
  }

  draw(rng: Step["rng"], device: string): Mask {
    return drawMask(this.config.mask, this.config.maskRatio, this.encoder.grid, rng.fork("mask"), device);
  }

  /** image [B C H W] -> mean error of the hidden patches, or of all [] */
  loss(image: Tensor, mask: Mask): Tensor {
    return this.lossFrom(image, this.encodeMasked(image, mask), mask); // []
  }

  /** image [B C H W] and what the encoder made of it -> mean error of the hidden patches, or of all [] */
  protected lossFrom(image: Tensor, latent: Tensor, mask: Mask): Tensor {
    const hidden = this.config.lossOn === "hidden" ? mask.ids.slice(1, mask.kept) : undefined; // [B M]
    const predicted = this.decoder.call(latent, mask, hidden); // [B M O]
    const targets = this.targets(image); // [B N T]
    return this.target.loss(predicted, hidden === undefined ? targets : take(targets, hidden)); // []
  }

  /** image [B C H W] -> predictions of the patches `wanted` [B M], or of all in image order [B M O] */
  predict(image: Tensor, mask: Mask, wanted?: Tensor): Tensor {
    return this.decoder.call(this.encodeMasked(image, mask), mask, wanted);
  }

  private encodeMasked(image: Tensor, mask: Mask): Tensor {
    return this.maskToken === null
      ? this.encodeVisible(image, mask) // [B 1+K D]
      : encodeWithMaskToken(this.encoder, image, mask, this.maskToken); // [B 1+N D] (table 1c)
  }

  /** image [B C H W] -> latent of the visible patches, class token first [B 1+K D] */
  encodeVisible(image: Tensor, { ids, kept }: Mask): Tensor {
    return encodePatches(this.encoder, image, ids.slice(1, 0, kept)); // [B 1+K D]
  }

  /** image [B C H W] -> what is to be predicted [B N T] (table 1d) */
  targets(image: Tensor): Tensor {
    return this.target.call(image); // [B N T]
  }

  override reconstruct(image: Tensor, { rng }: Step, given?: GivenMask): Reconstruction {
    const mask = given === undefined ? this.draw(rng, image.device) : maskOf(given.ids, given.kept);
    const { hidden, ...made } = this.fillIn(image, mask.ids.slice(1, 0, mask.kept), mask.restore);
    return { ...made, mask: hidden };
  }

  /**
   * The same as a function of its tensors alone, which is what is exported: image [B C H W], visible patches [B K] and the
   * place of each patch in the order visible, then hidden [B N]; both int64. No number is drawn.
   */
  fillIn(image: Tensor, visible: Tensor, restore: Tensor): Filled {
    const { patchSize, grid } = this.encoder;
    const mask: Mask = { ids: visible, restore, kept: visible.side(1) };
    const latent = this.encodeMasked(image, mask); // [B 1+K D]
    const prediction = this.decoder.call(latent, mask); // [B N O]
    const pixels = this.target.pixels(prediction, image); // [B N P]
    const hidden = hiddenPatches(mask); // [B N]
    return { latent, prediction, hidden, ...fillPictures(image, pixels, hidden, { patch: patchSize, grid }) };
  }

  override hiding(): Hiding {
    const { grid, patchSize: cell } = this.encoder;
    return { share: this.config.maskRatio, grid, cell };
  }

  override fit(): Fit | undefined {
    return fitOf(this.target, this.encoder);
  }

  override health(): Health {
    return { loss: "falls", trivial: this.target.baseline(), trivialAnswer: "predicting the mean", signals: [] };
  }

  /** The whole autoencoder for any mask: names and shapes in `descriptions`. */
  override exports(): readonly ExportGraph[] {
    const { channels, imageSize, patches } = this.encoder;
    return [
      fillInGraph({
        ...{ module: this, channels, imageSize, patches },
        run: (image, visible, restore) => {
          const { latent, prediction, rebuilt } = this.fillIn(image, visible, restore);
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

/**
 * Decoders shrink with their encoders: a full one would dwarf them. Rates: the paper's for base; the smallest is the reference run's on
 * CIFAR-10, and small lies between.
 */
const usual = [
  { from: { width: 768, depth: 0 }, decoder: { width: 512, depth: 8, heads: 16 }, rate: 1.5e-4 },
  { from: { width: 384, depth: 0 }, decoder: { width: 256, depth: 4, heads: 8 }, rate: 3e-4 },
  { from: { width: 192, depth: 12 }, decoder: { width: 128, depth: 2, heads: 4 }, rate: 6e-4 },
  { from: { width: 0, depth: 0 }, decoder: { width: 96, depth: 2, heads: 3 }, rate: 6e-4 },
] as const;

/** A quarter of the patches goes through the encoder, all of them through the decoder. */
export function maeDefaults({
  width,
  depth,
  patches,
  multiplyAdds,
  side,
  shorterSide = side,
  length,
}: DefaultsFacts): MethodDefaults {
  const found = usual.find(({ from }) => width >= from.width && depth >= from.depth);
  const { decoder, rate } = found ?? usual[3];
  const [all, seen] = [1 + patches, 1 + patches / 4];
  const work = blockMultiplyAdds(seen, width, depth) + blockMultiplyAdds(all, decoder.width, decoder.depth);
  return {
    choices: [
      {
        key: "method.decoder",
        value: { ...decoder },
        shown: `${decoder.width} × ${decoder.depth}, ${decoder.heads} heads`,
        reason: "small beside its encoder; thrown away after training",
      },
      rateFor(rate, length?.batch, width >= 768 ? "the paper's" : "a narrow model bears more than the paper's 1.5e-4"),
    ],
    settings: { "method.augmentation": shorterSide < 64 ? "fixedCrop" : "randomCrop" },
    cost: work / multiplyAdds,
    memory: (seen * width * depth + all * decoder.width * decoder.depth) / (all * width * depth),
    patches: "three of four hidden",
    schedule: { epochs: 800, reason: "the paper's shorter schedule" },
  };
}

const published = { name: "mae", names: ["mae", "emae"] };

/** The definition of MAE (He et al. 2022): `{ name: "mae" }` in a configuration. */
export const mae = defineMethod({
  name: "mae",
  config: maeConfig,
  encoders: patchEncoder,
  views: ({ augmentation }, image) => maskedView(augmentation, image),
  build: (config, makeEncoder) => new Mae(config, makeEncoder()),
  defaults: maeDefaults,
  layouts: [officialMaeLayout(published), vitMaeLayout({ ...published, names: ["mae", "emae", "supmae"] })],
});
