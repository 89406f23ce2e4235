/**
 * BEiT v2: BEiT with a tokenizer that was taught by features, and patch aggregation. "BEiT v2: Masked Image Modeling with Vector-Quantized
 * Visual Tokenizers", Peng, Dong, Bao, Ye, Wei; arXiv 2208.06366. Official code: microsoft/unilm, beit2.
 *
 * What differs: as in BEiT any image, patch size, number of channels and tokenizer, of which VQ-KD (`vqkd`) is the paper's; one view for
 * encoder and tokenizer, normalised alike.
 *
 * Expected: the official code's losses, gradients and three optimiser steps for the same tokens (test/reference/beitv2-*.safetensors).
 */
import { z } from "zod";
import { ConfigError } from "../../errors.js";
import { type LayeredEncoder, layeredEncoder } from "../../models/encoder.js";
import type { Block } from "../../nn/block.js";
import { depthScaled, drawAnew, type FirstValuesByName, kaimingUniform, uniformFanIn, zero } from "../../nn/init.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import type { Chain } from "../../nn/module.js";
import { cat } from "../../tensor/creation.js";
import { take } from "../../tensor/functional.js";
import type { Rng } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { DefaultsFacts, MethodDefaults } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, type Step } from "../method.js";
import { maskedView } from "../parts/augmentation.js";
import type { Mask } from "../parts/masks.js";
import { resolveTokenizer } from "../parts/tokenizers/any.js";
import { Beit, beitDefaults, beitOptions, beitWeights } from "./beit.js";

/** Schema of BEiT v2's options (docs/methods/beitv2.md). */
export const beitV2Config = z.strictObject({
  name: z.literal("beitv2").default("beitv2"),
  ...beitOptions,
  aggregation: z
    .strictObject({
      depth: z
        .int()
        .min(0)
        .default(2)
        .describe("blocks behind the encoder's; 0: no aggregation, which is BEiT (table 6)"),
      early: z
        .int()
        .positive()
        .optional()
        .describe("block whose patches they see, counted from 1; three before the last if absent (9 of 12, 21 of 24)"),
      sharedHead: z.boolean().default(true).describe("whether the final norm and the head are the encoder's own"),
    })
    .prefault({}),
});
/** BEiT v2's options with their defaults filled in. */
export type BeitV2Config = z.output<typeof beitV2Config>;

/**
 * BEiT v2: hidden patches are told from the encoder's last layer, as BEiT does, and once more from an early layer's patches and the last
 * layer's class token, which must therefore know the whole picture.
 */
export class BeitV2 extends Beit<LayeredEncoder> {
  readonly clsPtLayers: Chain<Block> | null;
  readonly clsPtNorm: LayerNorm | null;
  readonly clsPtLmHead: Linear | null;
  readonly #early: number;

  /** @throws ConfigError where the encoder has no such block */
  constructor(config: BeitV2Config, encoder: LayeredEncoder) {
    const { depth, early = usualEarly(encoder.depth), sharedHead } = config.aggregation;
    checkEarly(early, encoder);
    super(config, encoder);
    this.#early = early;
    const isOwn = depth > 0 && !sharedHead;
    this.clsPtLayers = depth === 0 ? null : encoder.blocksBehind(this.#early, depth);
    this.clsPtNorm = isOwn ? new LayerNorm(encoder.width) : null;
    this.clsPtLmHead = isOwn
      ? new Linear(encoder.width, this.target.outputs, { weightInit: beitWeights, biasInit: zero })
      : null;
  }

  /** The blocks behind the encoder's begin as PyTorch's layers do, and less in deeper ones (official code: made after the others were drawn). */
  override initialize(rng: Rng): void {
    super.initialize(rng);
    const [block] = this.clsPtLayers?.links ?? [];
    if (this.clsPtLayers === null || block === undefined) return;
    const [outer, inner] = [block.mlp.fc1.inputs, block.mlp.fc1.outputs];
    const firstValues: FirstValuesByName = [
      [/(?:attn\.proj|mlp\.fc2)\.weight$/, depthScaled(kaimingUniform, this.#early)],
      [/(?:qkv|fc1)\.weight$/, kaimingUniform],
      [/fc2\.bias$/, uniformFanIn(inner)],
      [/(?:qkv|proj|fc1)\.bias$/, uniformFanIn(outer)],
    ];
    drawAnew(this.clsPtLayers.state("cls_pt_layers."), firstValues, rng.fork("beitv2"));
  }

  /** image [B C H W] -> the sum of both cross-entropies (section 2.3), each with its accuracy; without aggregation as BEiT */
  protected override forward(batch: Batch<"image">, step: Step): Loss {
    const { clsPtLayers } = this;
    if (clsPtLayers === null) return super.forward(batch, step);
    const { image } = batch;
    const mask = this.draw(step.rng, image.device);
    const wanted = take(this.target.call(image), mask.ids.slice(1, mask.kept)); // [B M 1]
    const { main, aggregated } = this.predictBoth(image, mask, clsPtLayers); // [B M V]
    const losses = { main: this.target.loss(main, wanted), aggregated: this.target.loss(aggregated, wanted) };
    const right = (predicted: Tensor): Tensor => predicted.detach().argmax(-1, true).eq(wanted).float().mean(); // []
    const accuracies = { accuracy: right(main), aggregatedAccuracy: right(aggregated) };
    return { total: losses.main.add(losses.aggregated), parts: { ...losses, ...accuracies } };
  }

  /** image [B C H W] and its mask -> how likely the tokens of hidden patches are, by the last layer and by the aggregated one [B M V] */
  private predictBoth(image: Tensor, { ids, restore, kept }: Mask, behind: Chain<Block>) {
    const { encoder, head, maskToken } = this;
    const hidden = ids.slice(1, kept); // [B M]
    const layers = encoder.layerTokens(encoder.replacedTokens(image, restore.ge(kept), maskToken)); // [B 1+N D] each
    const last = layers.at(-1) as Tensor; // [B 1+N D]
    const early = layers[this.#early - 1] as Tensor; // [B 1+N D]
    const joined = cat([last.slice(1, 0, 1), early.slice(1, 1)], 1); // [B 1+N D], the class token not normed
    const gathered = encoder.through(behind, joined); // [B 1+N D]
    const patches = (tokens: Tensor, norm: LayerNorm): Tensor => take(norm.call(tokens).slice(1, 1), hidden); // [B M D]
    return {
      main: head.call(patches(last, encoder.norm)),
      aggregated: (this.clsPtLmHead ?? head).call(patches(gathered, this.clsPtNorm ?? encoder.norm)),
    };
  }

  override health(): Health {
    const { trivial = 0, ...health } = super.health();
    return { ...health, trivial: this.clsPtLayers === null ? trivial : 2 * trivial };
  }
}

function checkEarly(early: number, { depth }: LayeredEncoder): void {
  if (early <= depth) return;
  throw new ConfigError({
    problem: `the encoder has ${depth} blocks, and patches are asked for behind block ${early}.`,
    code: "early",
    path: "method.aggregation.early",
    expected: `1 to ${depth}`,
    actual: early,
    remedy: "Leave it out for three blocks before the last one.",
  });
}

/** Three blocks before the last one (official scripts), of shallow encoders the middle one. */
function usualEarly(depth: number): number {
  return Math.max(Math.ceil(depth / 2), depth - 3);
}

/** As BEiT's, with the blocks behind the encoder's (official README: 1.5e-3 for 2048 pictures, clipped at 3). */
function defaults(facts: DefaultsFacts): MethodDefaults {
  const given = beitDefaults(facts);
  return { ...given, cost: 1 + 2 / facts.depth, schedule: { epochs: 1600, reason: "the paper's longest schedule" } };
}

/** The definition of BEiT v2 (Peng et al. 2022): `{ name: "beitv2" }` in a configuration. */
export const beitV2 = defineMethod({
  name: "beitv2",
  config: beitV2Config,
  encoders: layeredEncoder,
  defaults,
  views: ({ augmentation }, image) => maskedView(augmentation, image, [0.2, 1]),
  resolve: resolveTokenizer,
  build: (config, makeEncoder) => new BeitV2(config, makeEncoder()),
});
