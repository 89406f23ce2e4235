/**
 * An Empirical Study of Training Self-Supervised Vision Transformers (MoCo v3). Chen, Xie, He; ICCV 2021, arXiv 2104.02057.
 * Official code: facebookresearch/moco-v3, whose heads, first values, decay rule and order of steps these are.
 *
 * Which parts of the teacher are averages, and whether it shares the student's features, are options after Pham et al. (arXiv
 * 2208.05744).
 *
 * What differs: any encoder, image size and number of channels; the loss is float32 under every precision.
 *
 * Expected: the official code's losses, gradients, teacher and batch statistics over three optimiser steps
 * (test/methods/siamese/moco-v3.test.ts, from test/reference/moco-v3-*.safetensors).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { anyEncoder, type Encoder, type Pool, patchEncoder } from "../../models/encoder.js";
import { drawAnew, type FirstValuesByName, normal, stackedXavierUniform, zero } from "../../nn/init.js";
import type { Module } from "../../nn/module.js";
import { gradientNorm } from "../../optim/clip.js";
import type { NamedTensor } from "../../optim/optimizer.js";
import { rampAt, rampBetween } from "../../optim/schedule.js";
import type { Rng } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup, teacherMomentum } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, Method, type ParameterRule, type Step } from "../method.js";
import { spread, spreadSignal } from "../parts/collapse.js";
import { mlpHead } from "../parts/heads.js";
import { infoNce, marginSignal, negativeSignal } from "../parts/losses/info-nce.js";
import { type ProjectorTeacher, type Teacher, targetConfig, teacherFor } from "../parts/teacher.js";
import { asymmetricPair, viewPairConfig } from "../parts/view-pair.js";
import { mocoV3Layout } from "../published/moco-v3.js";

const positive = z.int().positive();

const head = {
  hidden: positive.default(4096).describe("width between the layers"),
  batchNorm: z.boolean().default(true).describe("between the layers; without it accuracy falls (paper, section 6.2)"),
};

/** Schema of MoCo v3's options (docs/methods/mocoV3.md). */
export const mocoV3Config = z.strictObject({
  name: z.literal("mocoV3").default("mocoV3"),
  temperature: z.number().positive().default(0.2).describe("τ of the loss; 1 for a ResNet (official code)"),
  momentum: rampBetween(0, 1)
    .default({ from: 0.99, to: 1, shape: "cosine", over: 1 })
    .describe("share of itself that the teacher keeps at a step"),
  target: targetConfig,
  projector: z
    .strictObject({
      layers: positive.optional().describe("linear layers; absent: 3 behind a ViT, 2 behind others (official code)"),
      ...head,
      output: positive.default(256),
      lastNorm: z.boolean().default(true).describe("batch norm without weight and bias at the end"),
    })
    .prefault({}),
  predictor: z
    .strictObject({
      layers: z.int().min(0).default(2).describe("linear layers; 0 leaves it out (paper, section 6.2)"),
      ...head,
      lastNorm: z
        .boolean()
        .optional()
        .describe(
          "batch norm without weight and bias at the end; absent: behind a ViT, not behind others (official code)",
        ),
    })
    .prefault({}),
  freezePatchEmbed: z
    .boolean()
    .default(true)
    .describe(
      "a ViT's patch projection keeps its random first values, which makes training stable (paper, section 4.2)",
    ),
  decayAll: z
    .boolean()
    .default(true)
    .describe("weight decay on biases, norms and class token too (official code); LARS leaves vectors out in any case"),
  augmentation: viewPairConfig,
});
/** MoCo v3's options with their defaults filled in. */
export type MocoV3Config = z.output<typeof mocoV3Config>;

/** First values of a ViT that are not MAE's (vits.py): by the end of a parameter's name. */
export const mocoV3FirstValues: FirstValuesByName = [
  [/^cls_token$/, normal(1e-6)],
  [/^patch_embed\.proj\.bias$/, zero],
  [/\.attn\.qkv\.weight$/, stackedXavierUniform(3)],
];

/** MoCo v3: the prediction from one view must find the other view's key, made by a slow copy of the encoder, among the batch. */
export class MocoV3 extends Method<"first" | "second"> {
  readonly projector: Module;
  readonly predictor: Module;
  readonly teacher: Teacher | ProjectorTeacher;
  /** What goes into the projector, and what evaluation sees. */
  override readonly pool: Pool;

  constructor(
    readonly config: MocoV3Config,
    readonly encoder: Encoder,
    makeEncoder: () => Encoder,
  ) {
    super();
    const isVit = patchEncoder.is(encoder);
    this.pool = encoder.pools.includes("class") ? "class" : "mean";
    const { layers = isVit ? 3 : 2, ...projector } = config.projector;
    const { lastNorm = isVit, ...predictor } = config.predictor;
    const { output } = projector;
    const makeProjector = (): Module => mlpHead({ inputs: encoder.width, layers, ...projector });
    this.projector = makeProjector();
    this.predictor = mlpHead({ inputs: output, output, lastNorm, ...predictor });
    this.teacher = teacherFor(config.target, { makeEncoder, projector: makeProjector(), pool: this.pool });
    if (config.freezePatchEmbed && isVit)
      for (const parameter of encoder.patchEmbed.state().values()) parameter.setRequiresGrad(false);
  }

  override initialize(rng: Rng): void {
    super.initialize(rng);
    if (patchEncoder.is(this.encoder)) drawAnew(this.encoder.state(), mocoV3FirstValues, rng.fork("mocoV3"));
  }

  override begin(): void {
    this.teacher.copy(this);
  }

  /** first, second [B C H W] -> ctr(q₁, k₂) + ctr(q₂, k₁) (algorithm 1); in training the teacher moves before it makes the keys */
  protected forward({ first, second }: Batch<"first" | "second">, { progress, world }: Step): Loss {
    const { temperature, momentum } = this.config;
    if (this.training) this.teacher.follow(this, rampAt(momentum, progress));
    // One view at a time: each is normalised by its own statistics.
    const [h1, h2] = [this.features(first), this.features(second)]; // [B W]
    const [k1, k2] = [this.teacher.target(first, () => h1), this.teacher.target(second, () => h2)]; // [B D]
    const [q1, q2] = [this.query(h1), this.query(h2)]; // [B D]
    const ofFirst = infoNce(q1, k2, { temperature, world });
    const ofSecond = infoNce(q2, k1, { temperature, world });
    const mean = (name: "positive" | "negative" | "accuracy"): Tensor => ofFirst[name].add(ofSecond[name]).div(2); // []
    const parts = noGrad(() => ({
      first: ofFirst.loss.detach(),
      second: ofSecond.loss.detach(),
      spread: spread(h1).add(spread(h2)).div(2), // []
      positive: mean("positive"),
      negative: mean("negative"),
      margin: mean("positive").sub(mean("negative")), // []
      accuracy: mean("accuracy"),
    }));
    return { total: ofFirst.loss.add(ofSecond.loss), parts };
  }

  /** features [B W] -> query, not normalised [B D] */
  private query(features: Tensor): Tensor {
    return this.predictor.call(this.projector.call(features)); // [B D]
  }

  /** Gradient norms of patch projection, first, middle and last layer: a spike in the first foretells a dip (section 4.2). */
  override beforeUpdate(_: Step, parameters: readonly NamedTensor[]): Readonly<Record<string, Tensor>> {
    const { layerPaths } = this.encoder;
    const at = [0, Math.floor(layerPaths.length / 2), layerPaths.length - 1];
    const paths = ["patch_embed", ...new Set(at.flatMap((i) => layerPaths[i] ?? []))];
    const norms = paths.flatMap((path) => {
      const own = parameters.filter(({ name }) => name.startsWith(`encoder.${path}.`));
      return own.length === 0 ? [] : [[`gradNorm.${path}`, gradientNorm(own)] as const];
    });
    return Object.fromEntries(norms);
  }

  override ruleFor(): ParameterRule | undefined {
    return this.config.decayAll ? { decays: true } : undefined;
  }

  override health(): Health {
    return { loss: "moves", signals };
  }
}

const instability = [
  "The learning rate is too high: try a third of it, or a longer warm-up.",
  "The patch projection is trained: set method.freezePatchEmbed to true.",
];

/**
 * Projections end in batch norm, which spreads whatever comes: what collapses shows in the features before it, and in queries that
 * know their own key no better than others: a small run had a margin of 0.1 to 0.2, one without negatives and predictor 0.014.
 */
const signals: Health["signals"] = [
  spreadSignal(instability),
  marginSignal("The pictures of a batch cannot be told apart: a query is no nearer to its own key than to others.", [
    "Nothing keeps pictures apart: negatives, predictor or the teacher's slow movement are missing from the loss.",
    ...instability,
    "The views have nothing in common: look at the pictures, and at method.augmentation.",
  ]),
  negativeSignal(instability),
];

/** Numbers are section 5's and the official code's; for runs and pictures that the paper does not know, what they are scaled by. */
function defaults({
  pictures,
  width,
  multiplyAdds: encoder,
  side,
  shorterSide = side,
  device,
  length,
}: DefaultsFacts): MethodDefaults {
  const most = device === "cuda" ? 1024 : 256;
  const fitting = Math.min(most, Math.max(pictures / 4, Math.min(32, pictures)));
  const heads = { projector: 4096 * (width + 4096 + 256), predictor: 2 * 4096 * 256 };
  const student = 2 * (encoder + heads.projector + heads.predictor); // both views, forward and backward
  const teacher = (2 * (encoder + heads.projector)) / 3; // forward only
  return {
    choices: [
      ...(length === undefined ? [] : [teacherMomentum(length.steps, { momentum: 0.99, steps: 94_000 })]),
      ...(shorterSide < 64
        ? [{ key: "method.augmentation.blur", value: false, reason: "so small pictures are trained without (SimCLR)" }]
        : []),
      {
        key: "data.batchSize",
        value: 2 ** Math.floor(Math.log2(fitting)),
        reason: `its pictures are each other's negatives: a quarter of all, at most ${most}`,
      },
      { key: "optim.baseLearningRate", value: 1.5e-4, reason: "the paper's, for small models too" },
      { key: "optim.weightDecay", value: 0.1, reason: "the paper's, on every tensor" },
      { key: "optim.betas", value: [0.9, 0.999], shown: "0.9 0.999", reason: "the paper's" },
      ...paperWarmup(length, 40, 300),
    ],
    cost: (student + teacher) / encoder,
    memory: 2,
    schedule: { epochs: 1000, reason: "the official code's longest schedule" },
  };
}

/** The definition of MoCo v3 (Chen et al. 2021): `{ name: "mocoV3" }` in a configuration. */
export const mocoV3 = defineMethod({
  name: "mocoV3",
  config: mocoV3Config,
  encoders: anyEncoder,
  views: ({ augmentation }, image) => asymmetricPair(augmentation, image),
  couplesBatch: () => "the other pictures of the batch are its negatives, and its heads normalise over the batch",
  build: (config, makeEncoder) => new MocoV3(config, makeEncoder(), makeEncoder),
  defaults,
  layouts: [mocoV3Layout("mocoV3")],
});
