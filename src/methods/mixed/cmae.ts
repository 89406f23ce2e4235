/**
 * Contrastive Masked Autoencoders are Stronger Vision Learners. Huang, Jin, Lu, Hou, Cheng, Fu, Shen, Feng; TPAMI 2024, arXiv 2207.13532.
 * Official code: ZhichengHuang/CMAE.
 *
 * MAE with a second, light decoder, which completes the hidden tokens as features; what they tell of the picture must find, among the
 * batch, what a slow copy of the encoder makes of the whole picture, shifted by some pixels and in other colours.
 *
 * What differs: positions are MAE's (the official table has rows and columns exchanged); any image, patch size and width; the heads' hidden
 * layers have no bias, which batch norm would take away.
 *
 * Expected: the official code's losses, gradients, target and three optimiser steps (test/reference/cmae-*.safetensors).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { type PatchEncoder, patchEncoder } from "../../models/encoder.js";
import { blockMultiplyAdds } from "../../models/sizes.js";
import type { Module } from "../../nn/module.js";
import type { NamedTensor } from "../../optim/optimizer.js";
import { rampAt, rampBetween } from "../../optim/schedule.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, teacherMomentum } from "../defaults.js";
import type { Health } from "../health.js";
import { decoderConfig, Mae, type MaeConfig, maeConfig, maeDefaults } from "../masked/mae.js";
import { type Batch, defineMethod, type Loss, type ParameterRule, type Step } from "../method.js";
import { spread, spreadSignal } from "../parts/collapse.js";
import { PatchDecoder } from "../parts/filling/patch-decoder.js";
import { mlpHead } from "../parts/heads.js";
import { infoNce, marginSignal, negativeSignal } from "../parts/losses/info-nce.js";
import { checkSquares, drawSquareMask, type Mask } from "../parts/masks.js";
import { Teacher } from "../parts/teacher.js";
import { shiftedPair, shiftedPairConfig } from "../parts/view-pair.js";

const positive = z.int().positive();
const weight = z.number().min(0).default(1);

/** Schema of CMAE's options (docs/methods/cmae.md). */
export const cmaeConfig = z.strictObject({
  name: z.literal("cmae").default("cmae"),
  maskRatio: maeConfig.shape.maskRatio.unwrap().default(0.65).describe("share of the squares that is hidden"),
  maskSquare: positive.default(2).describe("patches along a side of the squares that are hidden or visible as one"),
  decoder: decoderConfig,
  featureDecoder: decoderConfig
    .unwrap()
    .extend({ depth: positive.default(2).describe("blocks") })
    .prefault({})
    .describe("that of features"),
  projector: z
    .strictObject({
      hidden: positive.default(1536).describe("width between its two layers, with batch norm"),
      output: positive.default(256),
    })
    .prefault({}),
  predictor: z
    .strictObject({ hidden: positive.default(1536).describe("width between its two layers, with batch norm") })
    .prefault({}),
  temperature: z.number().positive().default(0.07).describe("τ of the contrastive loss"),
  reconstructionWeight: weight.describe("of the error of hidden pixels"),
  contrastWeight: weight.describe("of the contrastive loss"),
  momentum: rampBetween(0, 1).default(0.996).describe("share of itself that the target keeps at a step"),
  augmentation: shiftedPairConfig,
});
/** CMAE's options with their defaults filled in. */
export type CmaeConfig = z.output<typeof cmaeConfig>;

type Name = "image" | "target";

/** Sees whole pictures. The encoder's final norm is left out, as in the official code. */
class TargetNetwork extends Teacher {
  constructor(
    override readonly encoder: PatchEncoder,
    projector: Module,
  ) {
    super(encoder, projector, "mean");
  }

  /** image [B C H W] -> its projection [B d], without a gradient */
  protected override forward(image: Tensor): Tensor {
    return noGrad(() => this.projector.call(this.encoder.unnormed(image))); // [B d]
  }
}

/** MAE whose hidden tokens, completed as features, must find the whole picture's among the batch. State as MAE's, and the parts that are new. */
export class Cmae extends Mae {
  readonly featureDecoder: PatchDecoder;
  readonly projector: Module;
  readonly predictor: Module;
  readonly teacher: TargetNetwork;

  constructor(
    readonly options: CmaeConfig,
    encoder: PatchEncoder,
    makeEncoder: () => PatchEncoder,
  ) {
    super(asMae(options, encoder), encoder);
    const { featureDecoder, projector, predictor } = options;
    const { width, grid } = encoder;
    this.featureDecoder = new PatchDecoder({ inputs: width, outputs: width, grid, ...featureDecoder });
    const head = { layers: 2, batchNorm: true, lastNorm: false, epsilon: 1e-6, output: projector.output };
    const makeProjector = (): Module => mlpHead({ inputs: width, ...head, hidden: projector.hidden });
    this.projector = makeProjector();
    this.predictor = mlpHead({ inputs: projector.output, ...head, hidden: predictor.hidden });
    this.teacher = new TargetNetwork(makeEncoder(), makeProjector());
  }

  override begin(): void {
    this.teacher.copy(this.online);
  }

  /** The online network under the names that its target has. */
  private get online() {
    return { state: () => new Map([...this.encoder.state("encoder."), ...this.projector.state("projector.")]) };
  }

  override draw(rng: Step["rng"], device: string): Mask {
    const { maskSquare, maskRatio } = this.options;
    return drawSquareMask(maskSquare, maskRatio, this.encoder.grid, rng.fork("mask"), device);
  }

  /** image, target: two windows of a crop [B C H W] -> w_r L_rec + w_c L_ct */
  protected override forward({ image, target }: Batch<Name>, { rng, world }: Step): Loss {
    const { temperature, reconstructionWeight, contrastWeight } = this.options;
    const mask = this.draw(rng, image.device);
    const latent = this.encodeVisible(image, mask); // [B 1+K D]
    const reconstruction = this.lossFrom(image, latent, mask).mul(reconstructionWeight); // []
    const completed = this.featureDecoder.call(latent, mask).mean([1]); // [B D], over visible and hidden patches
    const query = this.predictor.call(this.projector.call(completed)); // [B d]
    const found = infoNce(query, this.teacher.call(target), { temperature, world });
    const contrast = found.loss.mul(contrastWeight); // []
    const { positive, negative, accuracy } = found;
    const watched = noGrad(() => ({ spread: spread(completed), margin: positive.sub(negative) })); // [] each
    return {
      total: reconstruction.add(contrast),
      parts: { reconstruction, contrast, ...watched, positive, negative, accuracy },
    };
  }

  /** The target follows with the momentum of the step that was taken (official code). */
  override afterStep({ progress }: Step): void {
    this.teacher.follow(this.online, rampAt(this.options.momentum, progress));
  }

  /** Tokens are spared from weight decay, the scales of batch norms are not (official configuration). */
  override ruleFor({ name }: NamedTensor): ParameterRule | undefined {
    if (/(^|[._])(cls|mask)_token$/.test(name)) return { decays: false };
    return /^(projector|predictor)\.1\.weight$/.test(name) ? { decays: true } : undefined;
  }

  override health(): Health {
    return { loss: "falls", signals };
  }
}

/** What CMAE shares with MAE. @throws ConfigError where squares do not fill the grid, or none is visible or hidden */
function asMae({ maskRatio, maskSquare, decoder }: CmaeConfig, { grid }: PatchEncoder): MaeConfig {
  checkSquares(maskSquare, maskRatio, grid);
  return maeConfig.parse({ maskRatio, decoder });
}

const causes = [
  "The batch is too small for its pictures to be each other's negatives: raise data.batchSize (the authors have 4096).",
  "The learning rate is too high: try a third of it, or a longer warm-up.",
  "The views have nothing in common: look at the pictures, and at method.augmentation.",
];

const signals: Health["signals"] = [
  spreadSignal(causes),
  marginSignal(
    "Pictures cannot be told apart: completed features are no nearer to their own target than to others.",
    causes,
  ),
  negativeSignal(causes),
];

/** Decoders and rate are MAE's for an encoder of this size; heads are twice as wide as the encoder, as the paper's. */
function defaults(facts: DefaultsFacts): MethodDefaults {
  const { pictures, width, depth, patches, multiplyAdds, side, shorterSide = side, device, length } = facts;
  const most = device === "cuda" ? 1024 : 256;
  const batch = 2 ** Math.floor(Math.log2(Math.min(most, Math.max(pictures / 4, Math.min(32, pictures)))));
  const { choices, schedule } = maeDefaults({ ...facts, ...(length && { length: { ...length, batch } }) });
  const decoder = choices.find(({ key }) => key === "method.decoder")?.value as Record<
    "width" | "depth" | "heads",
    number
  >;
  const [all, seen] = [1 + patches, 1 + 0.35 * patches];
  const decoders = blockMultiplyAdds(all, decoder.width, decoder.depth + 2);
  const online = blockMultiplyAdds(seen, width, depth) + decoders;
  return {
    choices: [
      ...choices,
      { key: "method.featureDecoder", value: { ...decoder, depth: 2 }, shown: "2 blocks", reason: "the paper's depth" },
      { key: "method.projector.hidden", value: 2 * width, reason: "twice the encoder's width, as the paper's" },
      { key: "method.predictor.hidden", value: 2 * width, reason: "as the projector's" },
      ...(length === undefined
        ? []
        : [teacherMomentum(length.steps, { momentum: 0.996, stays: true, steps: 500_000 })]),
      ...(shorterSide < 64
        ? [{ key: "method.augmentation.blur", value: false, reason: "so small pictures are trained without (SimCLR)" }]
        : []),
      {
        key: "data.batchSize",
        value: batch,
        reason: `its pictures are each other's negatives: a quarter of all, at most ${most}`,
      },
    ],
    cost: (online + multiplyAdds / 3) / multiplyAdds, // the target goes forward only
    memory: (seen * width * depth + all * decoder.width * (decoder.depth + 2)) / (all * width * depth),
    patches: "two of three hidden; the target sees all",
    ...(schedule && { schedule: { epochs: 1600, reason: "the paper's longest schedule" } }),
  };
}

/** The definition of CMAE (Huang et al. 2022): `{ name: "cmae" }` in a configuration. */
export const cmae = defineMethod({
  name: "cmae",
  config: cmaeConfig,
  encoders: patchEncoder,
  views: ({ augmentation }, image) => shiftedPair(augmentation, image),
  couplesBatch: () => "the other pictures of the batch are its negatives, and its heads normalise over the batch",
  build: (config, makeEncoder) => new Cmae(config, makeEncoder(), makeEncoder),
  defaults,
});
