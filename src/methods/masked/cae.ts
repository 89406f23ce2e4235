/**
 * Context Autoencoder for Self-Supervised Representation Learning. Chen, Ding, Wang, Xin, Mo, Wang, Han, Luo, Zeng, Wang; IJCV 2023,
 * arXiv 2202.03026. Official code: Atten4Vis/CAE.
 *
 * What differs: any image, patch size and number of channels; block masks are topped up to an exact count; tokens come from a trained run of
 * `dvae` or `vqkd`, or from a codebook of the run's own pictures, and not from DALL-E's; one view, not two sizes of it; positions are MAE's (the
 * official table has rows and columns exchanged); the encoder is a plain ViT unless `model.layerScale` and `model.keyBias` make it the official
 * one. Regressor and decoder are as wide as the encoder, as in the authors' base model.
 *
 * Expected: the official losses, gradients and three optimiser steps for the same tokens (test/reference/cae-*.safetensors).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { type PatchEncoder, patchEncoder } from "../../models/encoder.js";
import type { ExportGraph } from "../../models/exports.js";
import { blockMultiplyAdds } from "../../models/sizes.js";
import { CrossAttention } from "../../nn/attention.js";
import { Block } from "../../nn/block.js";
import { DropPath, dropPathRates } from "../../nn/drop-path.js";
import { drawAnew, type FirstValuesByName, truncatedNormal, zero } from "../../nn/init.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import { Mlp } from "../../nn/mlp.js";
import { Chain, Module, Parameter } from "../../nn/module.js";
import { sinCosInit } from "../../nn/positions.js";
import { arange, cat, full } from "../../tensor/creation.js";
import { addBranch, mseLoss, take } from "../../tensor/functional.js";
import type { Rng } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup, rateFor } from "../defaults.js";
import type { Health } from "../health.js";
import {
  type Batch,
  type Borrowed,
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
import { spread, spreadSignal } from "../parts/collapse.js";
import { fillPictures } from "../parts/filling/fill.js";
import { fillInGraph } from "../parts/filling/fill-in-graph.js";
import {
  checkLeavesOut,
  checkMaskRatio,
  drawMask,
  encodePatches,
  hiddenPatches,
  type Mask,
  maskOf,
} from "../parts/masks.js";
import { fitOf } from "../parts/targets/target.js";
import { TokenTarget } from "../parts/targets/tokens.js";
import {
  anyTokenizerConfig,
  borrowedBy,
  buildAnyTokenizer,
  resolveTokenizer,
  tokenizerChoice,
} from "../parts/tokenizers/any.js";
import { caeLayout } from "../published/cae.js";

const positive = z.int().positive();

/** Schema of a stack of blocks as wide as the encoder. */
const stackConfig = z.strictObject({
  depth: positive.default(4).describe("blocks"),
  heads: positive.optional().describe("attention heads; absent: as many as the encoder's"),
  mlpRatio: z.number().positive().default(4).describe("hidden width of the MLP over the token width"),
  layerScale: z.number().positive().default(0.1).describe("first value of the factors of both branches"),
  dropPath: z.number().min(0).lt(1).default(0).describe("rate of the last block, growing from 0 (0.1 in the paper)"),
});
type StackConfig = z.output<typeof stackConfig>;

/** Schema of CAE's options (docs/methods/cae.md). */
export const caeConfig = z.strictObject({
  name: z.literal("cae").default("cae"),
  maskRatio: z.number().gt(0).lt(1).default(0.5).describe("share of the patches that is hidden: 98 of 196"),
  mask: z.enum(["block", "random"]).default("block").describe("how hidden patches are drawn"),
  tokenizer: anyTokenizerConfig,
  regressor: stackConfig.prefault({}).describe("makes latents of the hidden patches of those that are visible"),
  decoder: stackConfig.prefault({}).describe("tells tokens from those latents"),
  alignmentWeight: z.number().min(0).default(2).describe("λ of the distance between regressed and encoded latents"),
  augmentation: augmentationConfig,
});
/** CAE's options with their defaults filled in. */
export type CaeConfig = z.output<typeof caeConfig>;

interface BlockShape extends Omit<StackConfig, "depth"> {
  readonly width: number;
  readonly heads: number;
}

/**
 * A block of the regressor: latents of hidden patches take from those of all patches. Positions go to queries and keys alone, and the
 * second branch starts from the normalised stream (official `RegressorBlock`).
 */
class RegressorBlock extends Module<[hidden: Tensor, visible: Tensor, at: Tensor, seenAt: Tensor], Tensor> {
  readonly gamma_1_cross: Parameter; // [D]
  readonly gamma_2_cross: Parameter; // [D]
  readonly norm1Q: LayerNorm;
  readonly norm1K: LayerNorm;
  readonly norm1V: LayerNorm;
  readonly norm2Cross: LayerNorm;
  readonly crossAttn: CrossAttention;
  readonly mlpCross: Mlp;
  readonly dropPath1: DropPath;
  readonly dropPath2: DropPath;

  constructor({ width, heads, mlpRatio, layerScale, dropPath }: BlockShape) {
    super();
    const scale = (): Parameter => new Parameter([width], (shape) => full(shape, layerScale));
    this.gamma_1_cross = scale();
    this.gamma_2_cross = scale();
    this.norm1Q = new LayerNorm(width, { forProducts: true });
    this.norm1K = new LayerNorm(width, { forProducts: true });
    this.norm1V = new LayerNorm(width, { forProducts: true });
    this.norm2Cross = new LayerNorm(width);
    this.crossAttn = new CrossAttention(width, heads);
    this.mlpCross = new Mlp(width, Math.trunc(width * mlpRatio));
    this.dropPath1 = new DropPath(dropPath);
    this.dropPath2 = new DropPath(dropPath);
  }

  /** hidden [B M D], visible [B K D], positions of both -> hidden [B M D] */
  protected forward(hidden: Tensor, visible: Tensor, at: Tensor, seenAt: Tensor): Tensor {
    const all = cat([visible, hidden], 1); // [B K+M D]
    const query = this.norm1Q.call(hidden.add(at)); // [B M D]
    const key = this.norm1K.call(all.add(cat([seenAt, at], 1))); // [B K+M D]
    const gathered = this.crossAttn.call(query, key, this.norm1V.call(all)); // [B M D]
    const attended = addBranch(hidden, this.dropPath1.call(gathered.mul(this.gamma_1_cross))); // [B M D]
    const stream = this.norm2Cross.call(attended); // [B M D]
    return addBranch(stream, this.dropPath2.call(this.mlpCross.call(stream).mul(this.gamma_2_cross)));
  }
}

/** Makes latents of hidden patches: a token for each, which looks at the visible patches' latents and at the others' (section 3). */
class LatentRegressor extends Module<[hidden: Tensor, visible: Tensor, at: Tensor, seenAt: Tensor], Tensor> {
  readonly regressorBlocks: readonly RegressorBlock[];
  readonly norm: LayerNorm;

  constructor(width: number, heads: number, { depth, ...shape }: StackConfig) {
    super();
    const rates = dropPathRates(shape.dropPath, depth);
    this.regressorBlocks = rates.map((dropPath) => new RegressorBlock({ width, ...shape, heads, dropPath }));
    this.norm = new LayerNorm(width);
  }

  /** mask tokens [B M D], latents of visible patches [B K D], positions of both -> latents of hidden patches [B M D] */
  protected forward(hidden: Tensor, visible: Tensor, at: Tensor, seenAt: Tensor): Tensor {
    return this.norm.call(
      this.regressorBlocks.reduce((latents, block) => block.call(latents, visible, at, seenAt), hidden),
    );
  }
}

/** Tells tokens from latents of hidden patches, and sees nothing else. */
class TokenDecoder extends Module<[latents: Tensor, at: Tensor], Tensor> {
  readonly decoderBlocks: Chain<Block>;
  readonly norm: LayerNorm;
  readonly head: Linear;

  constructor(
    width: number,
    heads: number,
    vocabulary: number,
    { depth, mlpRatio, layerScale, dropPath }: StackConfig,
  ) {
    super();
    const blocks = dropPathRates(dropPath, depth).map(
      (rate) => new Block(width, heads, mlpRatio, rate, { layerScale, keyBias: false }),
    );
    this.decoderBlocks = new Chain(blocks);
    this.norm = new LayerNorm(width, { forProducts: true });
    this.head = new Linear(width, vocabulary);
  }

  /** latents and positions of hidden patches [B M D] -> logits of their tokens [B M V] */
  protected forward(latents: Tensor, at: Tensor): Tensor {
    return this.head.call(this.norm.call(this.decoderBlocks.call(latents.add(at))));
  }
}

/** What CAE makes of the hidden patches of a picture. */
export interface Regressed {
  /** [B M D], by the regressor */
  readonly regressed: Tensor;
  /** [B M V], what the decoder says of them */
  readonly logits: Tensor;
  /** [B K D], the encoder's of the visible patches */
  readonly visible: Tensor;
}

const weights = truncatedNormal(0.02, 0.02);

/** First values where they are not Xavier's (official `_init_weights`): tokens and patches. */
const firstValues: FirstValuesByName = [
  [/(?:cls_token|mask_token|patch_embed\.proj\.weight)$/, weights],
  [/patch_embed\.proj\.bias$/, zero],
];

/**
 * CAE: an encoder of visible patches, a regressor that predicts what the encoder would make of the hidden ones, and a decoder that tells
 * their tokens from that prediction alone. State as the official code's, without the copy of the encoder that it keeps for alignment.
 */
export class Cae extends Method<"image"> {
  readonly rdPosEmbed: Parameter; // [1 1+N D], of regressor and decoder
  readonly maskToken: Parameter; // [1 1 D]
  /** The regressor, as the authors spell it. */
  readonly regresser: LatentRegressor;
  readonly decoder: TokenDecoder;
  readonly target: TokenTarget;

  constructor(
    readonly config: CaeConfig,
    readonly encoder: PatchEncoder,
  ) {
    super();
    const { maskRatio, tokenizer, regressor, decoder } = config;
    const { width, grid, patches, heads = 1 } = encoder;
    checkMaskRatio(maskRatio, patches);
    checkLeavesOut(encoder);
    this.rdPosEmbed = new Parameter([1, 1 + patches, width], sinCosInit(grid), false);
    this.maskToken = new Parameter([1, 1, width], weights);
    this.regresser = new LatentRegressor(width, regressor.heads ?? heads, regressor);
    this.target = new TokenTarget(buildAnyTokenizer(tokenizer, encoder));
    this.decoder = new TokenDecoder(width, decoder.heads ?? heads, this.target.outputs, decoder);
  }

  override borrowed(): readonly Borrowed[] {
    return borrowedBy(this.target.tokenizer);
  }

  /** First values as the official code draws them. */
  override initialize(rng: Rng): void {
    super.initialize(rng);
    const drawn = new Map([...this.state()].filter(([, value]) => value.requiresGrad));
    drawAnew(drawn, firstValues, rng.fork("cae"));
  }

  /** image [B C H W] -> cross-entropy of the hidden patches' tokens + λ × mean squared distance of their latents (section 3) */
  protected forward({ image }: Batch<"image">, { rng }: Step): Loss {
    const mask = this.draw(rng, image.device);
    const { regressed, logits } = this.regress(image, mask); // [B M D], [B M V]
    const encoded = this.encodeHidden(image, mask); // [B M D]
    const wanted = take(this.target.call(image), mask.ids.slice(1, mask.kept)); // [B M 1]
    const tokens = this.target.loss(logits, wanted); // []
    const alignment = mseLoss(regressed.float(), encoded.float()); // []
    const accuracy = logits.detach().argmax(-1, true).eq(wanted).float().mean(); // []
    const watched = { tokens, alignment, accuracy, spread: spread(encoded.mean([1])) };
    return { total: tokens.add(alignment.mul(this.config.alignmentWeight)), parts: watched };
  }

  draw(rng: Rng, device: string): Mask {
    return drawMask(this.config.mask, this.config.maskRatio, this.encoder.grid, rng.fork("mask"), device);
  }

  /** image [B C H W] -> what is predicted of its hidden patches, in the mask's order; no pixel of them is read */
  regress(image: Tensor, { ids, kept }: Mask): Regressed {
    const [seen, hidden] = [ids.slice(1, 0, kept), ids.slice(1, kept)]; // [B K], [B M]
    const visible = encodePatches(this.encoder, image, seen).slice(1, 1); // [B K D]
    const at = this.positions(hidden); // [B M D]
    const tokens = this.maskToken.to(visible.dtype).expand([...hidden.shape, -1]); // [B M D]
    const regressed = this.regresser.call(tokens, visible, at, this.positions(seen)); // [B M D]
    return { regressed, logits: this.decoder.call(regressed, at), visible };
  }

  /** image [B C H W] -> what the encoder makes of the hidden patches by themselves, without a gradient [B M D] */
  encodeHidden(image: Tensor, { ids, kept }: Mask): Tensor {
    return noGrad(() => encodePatches(this.encoder, image, ids.slice(1, kept)).slice(1, 1));
  }

  /** numbers of patches [B K] -> their positions for regressor and decoder [B K D] */
  private positions(ids: Tensor): Tensor {
    return take(this.rdPosEmbed.slice(1, 1).expand([ids.side(0), -1, -1]), ids);
  }

  override reconstruct(image: Tensor, { rng }: Step, given?: GivenMask): Reconstruction {
    const mask = given === undefined ? this.draw(rng, image.device) : maskOf(given.ids, given.kept);
    const { masked, rebuilt, predicted, hidden } = this.fillIn(image, mask);
    return { masked, rebuilt, predicted, mask: hidden };
  }

  /**
   * image [B C H W] and a mask -> latents of visible patches [B K D]; for every patch the decoder's logits, or where it is visible 1 at its
   * own token and 0 at the others [B N V]; hidden [B N], pictures [B C H W]
   */
  private fillIn(image: Tensor, mask: Mask) {
    const { patchSize: patch, grid } = this.encoder;
    const { logits, visible } = this.regress(image, mask); // [B M V], [B K D]
    const own = take(this.target.call(image), mask.ids.slice(1, 0, mask.kept)); // [B K 1]
    const known = own.eq(arange(0, this.target.outputs, 1, { dtype: "int64", device: own.device })).to(logits.dtype); // [B K V]
    const prediction = take(cat([known, logits], 1), mask.restore); // [B N V]
    const hidden = hiddenPatches(mask); // [B N]
    const filled = fillPictures(image, this.target.pixels(prediction), hidden, { patch, grid });
    return { visible, prediction, hidden, ...filled };
  }

  override hiding(): Hiding {
    const { grid, patchSize: cell } = this.encoder;
    return { share: this.config.maskRatio, grid, cell };
  }

  override exports(): readonly ExportGraph[] {
    const { channels, imageSize, patches } = this.encoder;
    return [
      fillInGraph({
        ...{ module: this, channels, imageSize, patches },
        run: (image, seen, restore) => {
          const mask = { ids: restore.argsort(1), restore, kept: seen.side(1) };
          const { visible, prediction, rebuilt } = this.fillIn(image, mask);
          return { prediction, rebuilt, features: visible.mean([1]) };
        },
      }),
    ];
  }

  override fit(): Fit | undefined {
    return fitOf(this.target, this.encoder);
  }

  override health(): Health {
    const frequencies = {
      name: "tokens",
      what: "cross-entropy of hidden tokens",
      above: this.target.baseline(),
      finding: "Hidden tokens are told no better than by how frequent each is.",
      causes,
    };
    return { loss: "falls", signals: [frequencies, spreadSignal(causes)] };
  }

  override pictureNote(): string {
    return this.target.note();
  }
}

const causes = [
  "The learning rate is too high: try a third of it, or a longer warm-up.",
  "Alignment outweighs the tokens, which alone keep latents apart: lower method.alignmentWeight.",
  "The tokenizer gives nearly all patches one token: look at its codebook, and at the pictures.",
];

/** A stack of a third of the encoder's depth, as the paper's 4 for 12. */
const stackDepth = (depth: number): number => Math.max(1, Math.round(depth / 3));

/** Multiply-adds of regressor, decoder and head, where half of the patches are hidden. */
function behindEncoder(patches: number, width: number, depth: number, vocabulary: number): number {
  const hidden = patches / 2;
  const crossBlock = hidden * 10 * width ** 2 + patches * 2 * width ** 2 + 2 * hidden * patches * width;
  return depth * crossBlock + blockMultiplyAdds(hidden, width, depth) + hidden * width * vocabulary;
}

/** The official run on ImageNet-1k (scripts/cae_base_800e.sh): batches of 2048, the rate absolute. */
function defaults(facts: DefaultsFacts): MethodDefaults {
  const { width, depth, patches, multiplyAdds, side, shorterSide = side, length } = facts;
  const tokenizer = tokenizerChoice(facts);
  const { vocabulary } = tokenizer.value as { vocabulary: number };
  const stack = stackDepth(depth);
  const seen = blockMultiplyAdds(1 + patches / 2, width, depth);
  const behind = behindEncoder(patches, width, stack, vocabulary);
  const shown = `${stack} block${stack === 1 ? "" : "s"}`;
  return {
    choices: [
      tokenizer,
      { key: "method.regressor", value: { depth: stack }, shown, reason: "a third of the encoder's, as the paper's" },
      { key: "method.decoder", value: { depth: stack }, shown, reason: "as the regressor's" },
      rateFor(1.5e-3 / 8, length?.batch, "the paper's 1.5e-3 for 2048 pictures"),
      { key: "optim.clipNorm", value: 3, reason: "the paper's" },
      ...paperWarmup(length, 20, 800),
    ],
    settings: { "method.augmentation": shorterSide < 64 ? "fixedCrop" : "randomCrop" },
    cost: (seen * (1 + 1 / 3) + behind) / multiplyAdds, // hidden patches are encoded forward only
    memory: (1 + patches / 2 + (2.5 * stack * (patches / 2)) / depth) / (1 + patches),
    patches: "half of them hidden, and encoded by themselves",
    schedule: { epochs: 800, reason: "the paper's" },
  };
}

/** The definition of CAE (Chen et al. 2022): `{ name: "cae" }` in a configuration. */
export const cae = defineMethod({
  name: "cae",
  config: caeConfig,
  encoders: patchEncoder,
  defaults,
  views: ({ augmentation }, image) => maskedView(augmentation, image, [0.08, 1]),
  resolve: resolveTokenizer,
  build: (config, makeEncoder) => new Cae(config, makeEncoder()),
  layouts: [caeLayout("cae")],
});
