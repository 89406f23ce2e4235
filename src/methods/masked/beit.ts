/**
 * BEiT: BERT Pre-Training of Image Transformers. Bao, Dong, Piao, Wei; ICLR 2022, arXiv 2106.08254. Official code: microsoft/unilm, beit.
 *
 * What differs: any image, patch size and number of channels; block masks are topped up to an exact count, as BEiT v2's; the encoder is a
 * plain ViT unless `model.positions`, `model.relativePositions`, `model.layerScale` and `model.keyBias` make it the official one; tokens
 * come from a trained run of `dvae` or `vqkd`, or from a codebook of the run's own pictures, and not from DALL-E's; one view, not two sizes of it.
 *
 * Expected: the official code's losses, gradients and three optimiser steps for the same tokens (test/reference/beit-*.safetensors).
 */
import { z } from "zod";
import { type PatchEncoder, patchEncoder } from "../../models/encoder.js";
import { depthScaled, drawAnew, type FirstValuesByName, truncatedNormal, zero } from "../../nn/init.js";
import type { NamedTensor } from "../../optim/optimizer.js";
import type { Rng } from "../../tensor/random.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup, rateFor } from "../defaults.js";
import type { Health } from "../health.js";
import {
  type Batch,
  type Borrowed,
  defineMethod,
  type Fit,
  type Loss,
  type ParameterRule,
  type Step,
} from "../method.js";
import { augmentationConfig, maskedView } from "../parts/augmentation.js";
import { fitOf } from "../parts/targets/target.js";
import { TokenTarget } from "../parts/targets/tokens.js";
import {
  anyTokenizerConfig,
  borrowedBy,
  buildAnyTokenizer,
  resolveTokenizer,
  tokenizerChoice,
} from "../parts/tokenizers/any.js";
import type { Tokenizer } from "../parts/tokenizers/tokenizer.js";
import { beitLayouts } from "../published/beit.js";
import { MaskTokenMethod } from "./mask-token.js";

/** Options of methods that predict tokens of hidden patches. */
export const beitOptions = {
  maskRatio: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.38)
    .describe("share of the patches that is hidden: 75 of 196 (section 2.3)"),
  mask: z.enum(["block", "random"]).default("block").describe("how hidden patches are drawn (table 4)"),
  tokenizer: anyTokenizerConfig,
  augmentation: augmentationConfig,
};

/** Schema of BEiT's options (docs/methods/beit.md). */
export const beitConfig = z.strictObject({ name: z.literal("beit").default("beit"), ...beitOptions });
/** BEiT's options with their defaults filled in. */
export type BeitConfig = z.output<typeof beitConfig>;

/** Cut at one deviation, which leaves 0.54 of it (the official `trunc_normal_` of pre-training). */
export const beitWeights = truncatedNormal(0.02, 0.02);

const firstValues: FirstValuesByName = [
  [/blocks\.\d+\.(?:attn\.proj|mlp\.fc2)\.weight$/, depthScaled(beitWeights)],
  [/patch_embed\.proj\.bias$/, zero],
  [/(?:\.(?:qkv|fc1|proj)|^head)\.weight$/, beitWeights],
  [/(?:cls_token|mask_token|pos_embed)$/, beitWeights],
];

/** BEiT: the encoder sees every patch, hidden ones as a mask token, and one linear layer tells which token each hidden one is. */
export class Beit<E extends PatchEncoder = PatchEncoder> extends MaskTokenMethod<Omit<BeitConfig, "name">, E> {
  readonly #tokenizer: Tokenizer;

  constructor(config: Omit<BeitConfig, "name">, encoder: E) {
    const tokenizer = buildAnyTokenizer(config.tokenizer, encoder);
    super(config, encoder, new TokenTarget(tokenizer));
    this.#tokenizer = tokenizer;
  }

  override borrowed(): readonly Borrowed[] {
    return borrowedBy(this.#tokenizer);
  }

  /** First values as the official `_init_weights` and `fix_init_weight` draw them. */
  override initialize(rng: Rng): void {
    super.initialize(rng);
    const drawn = new Map([...this.state()].filter(([, value]) => value.requiresGrad));
    drawAnew(drawn, firstValues, rng.fork("beit"));
  }

  /** image [B C H W] -> cross-entropy over the hidden patches (equation 2), and how many of their tokens are the likeliest ones */
  protected forward({ image }: Batch<"image">, { rng }: Step): Loss {
    const { predicted, wanted } = this.predict(image, this.draw(rng, image.device)); // [B M V], [B M 1]
    const accuracy = predicted.detach().argmax(-1, true).eq(wanted).float().mean(); // []
    return { total: this.target.loss(predicted, wanted), parts: { accuracy } };
  }

  override fit(): Fit | undefined {
    return fitOf(this.target, this.encoder);
  }

  /** Class token and positions take no decay, mask token and tables of relative positions do (official `no_weight_decay`). */
  override ruleFor({ name }: NamedTensor): ParameterRule | undefined {
    return /^encoder\.(?:cls_token|pos_embed)$/.test(name) ? { decays: false } : undefined;
  }

  override health(): Health {
    const trivialAnswer = "telling how frequent each token is";
    return { loss: "falls", trivial: this.target.baseline(), trivialAnswer, signals: [] };
  }
}

/** The official run on ImageNet-1k (get_started_for_image_classification.md, table 12): batches of 2048, the rate absolute. */
export function beitDefaults(facts: DefaultsFacts): MethodDefaults {
  const { shorterSide, side, length } = facts;
  return {
    choices: [
      tokenizerChoice(facts),
      rateFor(1.5e-3 / 8, length?.batch, "the paper's 1.5e-3 for 2048 pictures"),
      { key: "optim.clipNorm", value: 3, reason: "the paper's" },
      ...paperWarmup(length, 10, 800),
    ],
    settings: { "method.augmentation": (shorterSide ?? side) < 64 ? "fixedCrop" : "colorJitter" },
    cost: 1,
    patches: "75 of 196 hidden, all of them encoded",
    schedule: { epochs: 800, reason: "the paper's" },
  };
}

/** The definition of BEiT (Bao et al. 2022): `{ name: "beit" }` in a configuration. */
export const beit = defineMethod({
  name: "beit",
  config: beitConfig,
  encoders: patchEncoder,
  defaults: beitDefaults,
  views: ({ augmentation }, image) => maskedView(augmentation, image, [0.08, 1]),
  resolve: resolveTokenizer,
  layouts: beitLayouts,
  build: (config, makeEncoder) => new Beit(config, makeEncoder()),
});
