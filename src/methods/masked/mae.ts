/**
 * Masked Autoencoders Are Scalable Vision Learners. He, Chen, Xie, Li, Dollár, Girshick; CVPR 2022, arXiv 2111.06377.
 * Official code: facebookresearch/mae.
 *
 * What differs: only the kept patches are embedded and only the hidden ones predicted, which gives the same loss for
 * less work; any image, patch size and number of channels; block masks are topped up to an exact count.
 *
 * Expected: the official code's loss, predictions and gradients (test/methods/masked/mae.test.ts, from
 * test/reference/mae-small.safetensors); its learning curve on CIFAR-10 (records/, test/reference/README.md).
 */
import { z } from "zod";
import type { Transform } from "../../data/views.js";
import { ConfigError } from "../../engine/errors.js";
import type { ImageShape, Vit } from "../../models/vit.js";
import { Block } from "../../nn/block.js";
import { normal } from "../../nn/init.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import { Chain, Parameter } from "../../nn/module.js";
import { patchify, unpatchify } from "../../nn/patches.js";
import { sinCosInit } from "../../nn/positions.js";
import { cat } from "../../tensor/creation.js";
import { take } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type Loss, Method, type MethodSpec, type Reconstruction, type Step } from "../method.js";
import { drawMask, hiddenPatches, keptPatches, type Mask, maskOf } from "../parts/masks.js";

const positive = z.int().positive();
const between = "expected a number between 0 and 1";
const share = z.number().gt(0, between).lt(1, between);

export const maeConfig = z.strictObject({
  name: z.literal("mae").default("mae"),
  maskRatio: share.default(0.75).describe("share of the patches that is hidden (paper, figure 5)"),
  mask: z
    .enum(["random", "block", "grid"])
    .default("random")
    .describe("how hidden patches are drawn (paper, table 1f)"),
  normalizeTargets: z
    .boolean()
    .default(true)
    .describe("predict each patch's pixels after normalising the patch (table 1d)"),
  decoder: z
    .strictObject({
      width: positive.default(512).describe("token width (table 1b)"),
      depth: positive.default(8).describe("blocks (table 1a)"),
      heads: positive.default(16),
      mlpRatio: z.number().positive().default(4),
    })
    .prefault({})
    .describe("thrown away after pre-training"),
  augmentation: z
    .enum(["randomCrop", "fixedCrop", "none"])
    .default("randomCrop")
    .describe("crops of random size and flips; shifted by up to an eighth and flips; or none (table 1e)"),
});
export type MaeConfig = z.output<typeof maeConfig>;

export class Mae extends Method {
  readonly decoderEmbed: Linear;
  readonly maskToken: Parameter; // [1 1 d]
  readonly decoderPosEmbed: Parameter; // [1 1+N d]
  readonly decoderBlocks: Chain<Block>;
  readonly decoderNorm: LayerNorm;
  readonly decoderPred: Linear;

  constructor(
    readonly config: MaeConfig,
    readonly encoder: Vit,
  ) {
    super();
    const { width, depth, heads, mlpRatio } = config.decoder;
    const [p, q] = encoder.patchSize;
    checkKept(config, encoder);
    this.decoderEmbed = new Linear(encoder.width, width);
    this.maskToken = new Parameter([1, 1, width], normal(0.02));
    this.decoderPosEmbed = new Parameter([1, 1 + encoder.patches, width], sinCosInit(encoder.grid), false);
    this.decoderBlocks = new Chain(Array.from({ length: depth }, () => new Block(width, heads, mlpRatio)));
    this.decoderNorm = new LayerNorm(width);
    this.decoderPred = new Linear(width, p * q * encoder.channels);
  }

  /** The official names: the encoder's parts stand at the top, beside the decoder's. */
  override state(prefix = ""): Map<string, Parameter> {
    const within = `${prefix}encoder.`;
    const entries = [...super.state(prefix)];
    return new Map(
      entries.map(([name, value]) => [name.startsWith(within) ? prefix + name.slice(within.length) : name, value]),
    );
  }

  /** image [B C H W] -> squared error over the hidden patches (paper, section 3) */
  protected forward({ image }: { image: Tensor }, { rng }: Step): Loss {
    const mask = this.draw(rng, image.device);
    return { total: this.loss(image, mask) }; // []
  }

  draw(rng: Step["rng"], device: string): Mask {
    return drawMask(this.config.mask, this.config.maskRatio, this.encoder.grid, rng.fork("mask"), device);
  }

  /** image [B C H W] -> mean squared error of the hidden patches [] */
  loss(image: Tensor, mask: Mask): Tensor {
    const hidden = mask.ids.slice(1, mask.kept); // [B M]
    const predicted = this.decode(this.encodeVisible(image, mask), mask, hidden); // [B M P]
    return predicted
      .float()
      .sub(take(this.targets(image), hidden))
      .pow(2)
      .mean(); // []
  }

  /** image [B C H W] -> latent of the visible patches, class token first [B 1+K D] */
  encodeVisible(image: Tensor, { ids, kept }: Mask): Tensor {
    const { patchEmbed, posEmbed } = this.encoder;
    const visible = ids.slice(1, 0, kept); // [B K]
    const positions = posEmbed.slice(1, 1).expand([image.side(0), -1, -1]); // [B N D]
    const patches = take(patchEmbed.unfold(image), visible); // [B K C·p·q]
    return this.encoder.encode(patchEmbed.call(patches).add(take(positions, visible))); // [B 1+K D]
  }

  /** latent [B 1+K D] -> predictions of the patches `wanted` [B M], or of all in image order [B M P] */
  decode(latent: Tensor, { ids, restore, kept }: Mask, wanted?: Tensor): Tensor {
    const [B = 0, N = 0] = ids.shape;
    const x = this.decoderEmbed.call(latent); // [B 1+K d]
    const hidden = this.maskToken.to(x.dtype).expand([B, N - kept, -1]); // [B N-K d]
    const ordered = take(cat([x.slice(1, 1), hidden], 1), restore); // [B N d], in image order
    const z = cat([x.slice(1, 0, 1), ordered], 1).add(this.decoderPosEmbed); // [B 1+N d]
    const decoded = this.decoderBlocks.call(z).slice(1, 1); // [B N d]
    return this.decoderPred.call(this.decoderNorm.call(wanted === undefined ? decoded : take(decoded, wanted))); // [B M P]
  }

  /** image [B C H W] -> what is to be predicted [B N P] (official `forward_loss`: unbiased variance, ε inside the root) */
  targets(image: Tensor): Tensor {
    const patches = patchify(image, this.encoder.patchSize, "channelsLast"); // [B N P]
    if (!this.config.normalizeTargets) return patches;
    const { mean, deviation } = statistics(patches); // [B N 1] each
    return patches.sub(mean).div(deviation); // [B N P]
  }

  override reconstruct(image: Tensor, { rng }: Step, given?: { ids: Tensor; kept: number }): Reconstruction {
    const { patchSize, grid } = this.encoder;
    const mask = given === undefined ? this.draw(rng, image.device) : maskOf(given.ids, given.kept);
    const patches = patchify(image, patchSize, "channelsLast"); // [B N P]
    const raw = this.decode(this.encodeVisible(image, mask), mask).float(); // [B N P]
    const { mean, deviation } = statistics(patches); // [B N 1]
    const pixels = this.config.normalizeTargets ? raw.mul(deviation).add(mean) : raw; // [B N P]
    const hidden = hiddenPatches(mask); // [B N]
    const share = hidden.unsqueeze(-1); // [B N 1]
    const visible = patches.mul(share.rsub(1)); // [B N P]
    const picture = (values: Tensor): Tensor => unpatchify(values, patchSize, grid, "channelsLast"); // [B C H W]
    return {
      masked: picture(visible),
      rebuilt: picture(visible.add(pixels.mul(share))),
      predicted: picture(pixels),
      mask: hidden,
    };
  }

  /** Predicting zero for a normalised patch costs (P - 1) / P, its variance being unbiased (mae.md T11). */
  override baseline(): number {
    return this.config.normalizeTargets ? 1 - 1 / this.decoderPred.outputs : 1;
  }

  override pictureNote(): string {
    return this.config.normalizeTargets
      ? "predictions are of normalised patches, turned into pixels with each hidden patch's true mean and deviation"
      : "predictions are pixels";
  }
}

/** patches [B N P] -> mean and standard deviation of each [B N 1] */
function statistics(patches: Tensor): { mean: Tensor; deviation: Tensor } {
  return { mean: patches.mean([-1], true), deviation: patches.var([-1], 1, true).add(1e-6).sqrt() };
}

function checkKept({ maskRatio }: MaeConfig, { patches }: Vit): void {
  const kept = keptPatches(patches, maskRatio);
  if (kept > 0 && kept < patches) return;
  throw new ConfigError(`a mask ratio of ${maskRatio} leaves ${kept} of ${patches} patches visible.`, {
    code: "mask-ratio",
    path: "method.maskRatio",
    expected: "some patches visible and some hidden",
    actual: { maskRatio, patches, kept },
    remedy: "Use larger pictures, smaller patches or another ratio.",
  });
}

function views({ augmentation }: MaeConfig, { imageSize }: ImageShape): Readonly<Record<"image", Transform>> {
  const flip = { type: "flip", probability: 0.5 } as const;
  const shorter = Math.max(...imageSize);
  const middle = [
    { type: "resize", size: shorter },
    { type: "centerCrop", size: imageSize },
  ] as const;
  if (augmentation === "none") return { image: middle };
  if (augmentation === "fixedCrop")
    return { image: [...middle, { type: "reflectPadCrop", padding: Math.round(Math.min(...imageSize) / 8) }, flip] };
  return { image: [{ type: "randomResizedCrop", size: imageSize, scale: [0.2, 1], ratio: [3 / 4, 4 / 3] }, flip] };
}

export const mae: MethodSpec<typeof maeConfig, Vit, "image"> = {
  config: maeConfig,
  views,
  build: (config, encoder) => new Mae(config, encoder),
};
