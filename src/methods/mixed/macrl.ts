/**
 * Masked Contrastive Representation Learning (MACRL). Yao, Desai, Palaniswami; arXiv 2211.06012.
 *
 * No official code is public, and of the paper its abstract alone was at hand: two branches with encoder and decoder, one with a higher mask
 * ratio and stronger augmentation; a contrast of the encoder's features; an L1 error of what the decoders fill in. What these words leave open
 * was chosen here (docs/methods/macrl.md says what), so that no number of the paper can be expected of it.
 *
 * Expected: losses, gradients and three optimiser steps of an independent implementation in PyTorch (test/reference/macrl-*.safetensors).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { type PatchEncoder, patchEncoder } from "../../models/encoder.js";
import type { Module } from "../../nn/module.js";
import { take } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { DefaultsFacts, MethodDefaults } from "../defaults.js";
import type { Health } from "../health.js";
import { decoderConfig, Mae, maeConfig, maeDefaults } from "../masked/mae.js";
import { type Batch, defineMethod, type Loss, type Step } from "../method.js";
import { spread, spreadSignal } from "../parts/collapse.js";
import { mlpHead } from "../parts/heads.js";
import { marginSignal, negativeSignal, queueNce } from "../parts/losses/info-nce.js";
import { checkMaskRatio, drawMask, type Mask } from "../parts/masks.js";
import { KeyQueue } from "../parts/queue.js";
import { corruptedPair, symmetricPairConfig } from "../parts/view-pair.js";

const positive = z.int().positive();
const ratio = maeConfig.shape.maskRatio.unwrap();

/** Schema of MACRL's options (docs/methods/macrl.md). */
export const macrlConfig = z.strictObject({
  name: z.literal("macrl").default("macrl"),
  maskRatio: ratio.default(0.75).describe("share of the patches that is hidden in the strong branch"),
  weakMaskRatio: ratio.default(0.5).describe("share of the patches that is hidden in the weak branch"),
  normalizeTargets: maeConfig.shape.normalizeTargets,
  decoder: decoderConfig,
  projector: z
    .strictObject({
      hidden: positive.default(2048).describe("width between its two layers, with batch norm"),
      output: positive.default(128).describe("width of queries and keys"),
    })
    .prefault({}),
  bank: positive
    .default(4096)
    .describe("keys of past batches that are negatives; few, for nothing keeps old keys fresh"),
  temperature: z.number().positive().default(0.2).describe("τ of the contrastive loss"),
  reconstructionWeight: z.number().min(0).default(1).describe("λ: of the errors of both branches"),
  augmentation: symmetricPairConfig,
});
/** MACRL's options with their defaults filled in. */
export type MacrlConfig = z.output<typeof macrlConfig>;

type Name = "clean" | "image" | "weak";

/** Two masked autoencoders with the same weights: what each sees is filled in, and the features of one must find those of the other. */
export class Macrl extends Mae {
  readonly projector: Module;
  readonly bank: KeyQueue;

  constructor(
    readonly options: MacrlConfig,
    encoder: PatchEncoder,
  ) {
    const { maskRatio, weakMaskRatio, normalizeTargets, decoder, projector, bank } = options;
    checkMaskRatio(weakMaskRatio, encoder.patches);
    super(maeConfig.parse({ maskRatio, normalizeTargets, decoder }), encoder);
    this.projector = mlpHead({ inputs: encoder.width, layers: 2, batchNorm: true, lastNorm: false, ...projector });
    this.bank = new KeyQueue(bank, projector.output);
  }

  /** clean, image: a crop without and with corruption, weak: another crop [B C H W] -> L_con + λ (L_rec of image + L_rec of weak) */
  protected override forward({ clean, image, weak }: Batch<Name>, { rng, index, world }: Step): Loss {
    const { temperature, reconstructionWeight, weakMaskRatio } = this.options;
    const masks = {
      strong: this.draw(rng, image.device),
      weak: drawMask("random", weakMaskRatio, this.encoder.grid, rng.fork("weak"), image.device),
    };
    const [seen, other] = [this.encodeVisible(image, masks.strong), this.encodeVisible(weak, masks.weak)]; // [B 1+K D] each
    const strongError = this.errorOf(clean, seen, masks.strong); // []
    const weakError = this.errorOf(weak, other, masks.weak); // []
    const features = seen.slice(1, 1).mean([1]); // [B D], of visible patches alone
    const keys = noGrad(() => this.projector.call(other.slice(1, 1).mean([1]))); // [B d]
    const { loss, positive, negative, accuracy } = queueNce(
      this.projector.call(features),
      keys,
      this.bank.call(),
      temperature,
    );
    if (this.training) this.bank.enqueue(world.gather(keys), index);
    const reconstruction = strongError.add(weakError).mul(reconstructionWeight); // []
    const watched = noGrad(() => ({ spread: spread(features), margin: positive.sub(negative) })); // [] each
    return {
      total: loss.add(reconstruction),
      parts: { contrast: loss, strong: strongError, weak: weakError, ...watched, positive, negative, accuracy },
    };
  }

  /** picture to fill in [B C H W], what the encoder made of what is visible [B 1+K D] -> mean absolute error of the hidden patches [] */
  private errorOf(picture: Tensor, latent: Tensor, mask: Mask): Tensor {
    const hidden = mask.ids.slice(1, mask.kept); // [B M]
    const predicted = this.decoder.call(latent, mask, hidden).float(); // [B M P]
    return predicted
      .sub(take(this.targets(picture), hidden))
      .abs()
      .mean(); // []
  }

  override health(): Health {
    return { loss: "moves", signals };
  }
}

const causes = [
  "The learning rate is too high: try a third of it, or a longer warm-up.",
  "The bank looks back too far for keys of an encoder that moves: set method.bank to fewer batches.",
  "The views have nothing in common: look at the pictures, and at method.augmentation.",
];

const signals: Health["signals"] = [
  spreadSignal(causes),
  marginSignal("Pictures cannot be told apart: a query is no nearer to its own key than to those in the bank.", causes),
  negativeSignal(causes),
];

/** Decoder and rate are MAE's for an encoder of this size; the bank is of at most sixteen batches. */
function defaults(facts: DefaultsFacts): MethodDefaults {
  const { pictures, width, length, side, shorterSide = side } = facts;
  const { choices, cost, memory = cost, schedule } = maeDefaults(facts);
  const batch = length?.batch ?? 256;
  const bank = Math.max(batch, Math.min(4096, 16 * batch, batch * Math.floor(pictures / 4 / batch)));
  return {
    choices: [
      ...choices,
      {
        key: "method.bank",
        value: bank,
        reason: "keys of at most sixteen batches, a quarter of the pictures, or 4096",
      },
      {
        key: "method.projector.hidden",
        value: Math.min(2048, 4 * width),
        reason: "four times the encoder's width at most",
      },
      ...(shorterSide < 64
        ? [{ key: "method.augmentation.blur", value: false, reason: "so small pictures are trained without (SimCLR)" }]
        : []),
    ],
    cost: 2.4 * cost, // a quarter of the patches in one branch, half of them in the other
    memory: 2.4 * memory,
    patches: "three of four hidden in one view, two of four in the other",
    ...(schedule && { schedule: { ...schedule, reason: "MAE's shorter schedule; the paper's is not known" } }),
  };
}

/** The definition of MACRL (Yao et al. 2022): `{ name: "macrl" }` in a configuration. */
export const macrl = defineMethod({
  name: "macrl",
  config: macrlConfig,
  encoders: patchEncoder,
  views: ({ augmentation }, image) => corruptedPair(augmentation, image),
  couplesBatch: () => "its keys join the bank, and its projector normalises over the batch",
  build: (config, makeEncoder) => new Macrl(config, makeEncoder()),
  defaults,
});
