/**
 * Exploring Simple Siamese Representation Learning (SimSiam). Chen, He; CVPR 2021, arXiv 2011.10566. Official code:
 * facebookresearch/simsiam, whose heads, loss and constant rate of the predictor these are.
 *
 * What differs: any encoder, image size and number of channels; the loss is float32 under every precision; the rate falls at each
 * step, not at each epoch. The projector's last layer has no bias: the official code freezes it, and batch norm takes it away.
 *
 * Expected: the official code's losses, gradients and batch statistics over three optimiser steps
 * (test/methods/siamese/simsiam.test.ts, from test/reference/simsiam-*.safetensors).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { anyEncoder, type Encoder, type Pool } from "../../models/encoder.js";
import type { Module } from "../../nn/module.js";
import type { NamedTensor } from "../../optim/optimizer.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { DefaultsFacts, MethodDefaults } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, Method, type ParameterRule } from "../method.js";
import { dimensions, dimensionsSignal, likeness, likenessSignal, spread, spreadSignal } from "../parts/collapse.js";
import { mlpHead } from "../parts/heads.js";
import { meanCosine } from "../parts/losses/cosine.js";
import { symmetricPair, symmetricPairConfig } from "../parts/view-pair.js";
import { simsiamLayout } from "../published/simsiam.js";

const positive = z.int().positive();

/** Schema of SimSiam's options (docs/methods/simsiam.md). */
export const simsiamConfig = z.strictObject({
  name: z.literal("simsiam").default("simsiam"),
  stopGradient: z
    .boolean()
    .default(true)
    .describe("the target of a prediction is a constant; without it all pictures become one (paper, section 4.1)"),
  projector: z
    .strictObject({
      layers: positive.default(3).describe("linear layers; 2 for CIFAR-10 (paper, appendix D)"),
      hidden: positive.optional().describe("width between the layers; the encoder's if absent (official code)"),
      output: positive.default(2048),
      batchNorm: z.boolean().default(true).describe("between the layers"),
      lastNorm: z.boolean().default(true).describe("batch norm without weight and bias at the end"),
    })
    .prefault({}),
  predictor: z
    .strictObject({
      layers: z
        .int()
        .min(0)
        .default(2)
        .describe("linear layers; 0 leaves it out, and nothing is learned (section 4.2)"),
      hidden: positive.default(512).describe("a quarter of the output works best (appendix B)"),
      batchNorm: z.boolean().default(true).describe("between the layers"),
      lastNorm: z.boolean().default(false).describe("batch norm at the end makes training unstable (section 4.4)"),
      constantRate: z.boolean().default(true).describe("its learning rate does not fall (section 4.2)"),
    })
    .prefault({}),
  augmentation: symmetricPairConfig,
});
/** SimSiam's options with their defaults filled in. */
export type SimsiamConfig = z.output<typeof simsiamConfig>;

/**
 * SimSiam: the prediction from one view must be like the projection of the other, which is taken as a constant; there are no
 * negatives.
 */
export class Simsiam extends Method<"first" | "second"> {
  readonly projector: Module;
  readonly predictor: Module;
  /** What goes into the projector, and what evaluation sees. */
  override readonly pool: Pool;

  constructor(
    readonly config: SimsiamConfig,
    readonly encoder: Encoder,
  ) {
    super();
    this.pool = encoder.pools.includes("class") ? "class" : "mean";
    const { hidden = encoder.width, ...projector } = config.projector;
    const { constantRate: _, ...predictor } = config.predictor;
    const { output } = projector;
    this.projector = mlpHead({ inputs: encoder.width, hidden, ...projector });
    this.predictor = mlpHead({ inputs: output, output, bias: "last", ...predictor });
  }

  /** first, second [B C H W] -> ½ D(p₁, z₂) + ½ D(p₂, z₁), D the negative cosine and z a constant (algorithm 1) */
  protected forward({ first, second }: Batch<"first" | "second">): Loss {
    // One view at a time: each is normalised by its own statistics.
    const [h1, h2] = [this.features(first), this.features(second)]; // [B W]
    const [z1, z2] = [this.projector.call(h1), this.projector.call(h2)]; // [B D]
    const [p1, p2] = [this.predictor.call(z1), this.predictor.call(z2)]; // [B D]
    const cosine = meanCosine(p1, this.target(z2))
      .add(meanCosine(p2, this.target(z1)))
      .div(2); // []
    const both = (of: (z: Tensor) => Tensor, a: Tensor, b: Tensor): Tensor => noGrad(() => of(a).add(of(b)).div(2)); // []
    return {
      total: cosine.neg(),
      parts: {
        spread: both(spread, h1, h2),
        likeness: both(likeness, z1, z2),
        dimensions: both(dimensions, z1, z2),
      },
    };
  }

  private target(projection: Tensor): Tensor {
    return this.config.stopGradient ? projection.detach() : projection;
  }

  /** Decay acts on every tensor (official code). */
  override ruleFor({ name }: NamedTensor): ParameterRule {
    return { decays: true, constantRate: this.config.predictor.constantRate && name.startsWith("predictor.") };
  }

  override health(): Health {
    return { loss: "moves", signals };
  }
}

const missing = [
  "The stop-gradient or the predictor is missing: set method.stopGradient to true, method.predictor.layers to 2.",
  "The learning rate is too high: try a third of it.",
];

/** The lowest loss there is, −1, is that of a collapsed run: how features lie tells more. */
const signals: Health["signals"] = [spreadSignal(missing), likenessSignal(missing), dimensionsSignal(missing)];

/** Numbers are section 4's and the official code's. */
function defaults({ pictures, width, multiplyAdds, side, shorterSide = side, device }: DefaultsFacts): MethodDefaults {
  const most = device === "cuda" ? 512 : 256;
  const fitting = Math.min(most, Math.max(pictures / 4, Math.min(32, pictures)));
  const heads = 2 * width * width + width * 2048 + 2 * 512 * 2048;
  const isSmall = shorterSide < 64;
  return {
    choices: [
      ...(isSmall
        ? [
            {
              key: "method.augmentation.blur",
              value: false,
              reason: "so small pictures are trained without (appendix D)",
            },
          ]
        : []),
      {
        key: "data.batchSize",
        value: 2 ** Math.floor(Math.log2(fitting)),
        reason: `its batch norms need pictures beside each other: a quarter of all, at most ${most}`,
      },
      { key: "optim.name", value: "sgd", reason: "the paper's" },
      { key: "optim.momentum", value: 0.9, reason: "the paper's" },
      ...(isSmall
        ? [
            { key: "optim.baseLearningRate", value: 0.03, reason: "the paper's for CIFAR-10 (appendix D)" },
            { key: "optim.weightDecay", value: 5e-4, reason: "the paper's for CIFAR-10, on every tensor" },
          ]
        : [
            { key: "optim.baseLearningRate", value: 0.05, reason: "the paper's" },
            { key: "optim.weightDecay", value: 1e-4, reason: "the paper's, on every tensor" },
          ]),
      { key: "optim.warmupEpochs", value: 0, reason: "the paper's: none" },
    ],
    cost: (2 * (multiplyAdds + heads)) / multiplyAdds,
    memory: 2,
    schedule: { epochs: 800, reason: "the paper's longest schedule" },
  };
}

/** The definition of SimSiam (Chen and He 2021): `{ name: "simsiam" }` in a configuration. */
export const simsiam = defineMethod({
  name: "simsiam",
  config: simsiamConfig,
  encoders: anyEncoder,
  usualModel: "resnet",
  views: ({ augmentation }, image) => symmetricPair(augmentation, image),
  couplesBatch: () => "its heads normalise over the batch",
  build: (config, makeEncoder) => new Simsiam(config, makeEncoder()),
  defaults,
  layouts: [simsiamLayout("simsiam")],
});
