/**
 * Bootstrap Your Own Latent (BYOL). Grill et al.; NeurIPS 2020, arXiv 2006.07733. Official code: google-deepmind/deepmind-research, byol,
 * whose heads, loss, schedule of the target and order of steps these are.
 *
 * Which parts of the target are averages, and whether it shares the online features, are options after Pham et al. (arXiv 2208.05744).
 *
 * What differs: any encoder, image size and number of channels; the loss is float32 under every precision; first values of the heads are
 * PyTorch's; the target starts as a copy, not with first values of its own; brightness is scaled, not shifted. Layers before batch
 * norm have no bias, which it would take away.
 *
 * Expected: losses, gradients, target and three steps of two independent implementations, vturrisi/solo-learn and lightly-ai/lightly
 * (test/methods/siamese/byol.test.ts, from test/reference/byol-*.safetensors); the official code is JAX's.
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { anyEncoder, type Encoder, type Pool } from "../../models/encoder.js";
import type { Module } from "../../nn/module.js";
import { rampAt, rampBetween } from "../../optim/schedule.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup, teacherMomentum } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, Method, type Step } from "../method.js";
import { dimensions, dimensionsSignal, likeness, likenessSignal, spread, spreadSignal } from "../parts/collapse.js";
import { mlpHead } from "../parts/heads.js";
import { meanCosine } from "../parts/losses/cosine.js";
import { type ProjectorTeacher, type Teacher, targetConfig, teacherFor } from "../parts/teacher.js";
import { asymmetricPair, viewPairConfig } from "../parts/view-pair.js";
import { peerLayouts } from "../published/peers.js";

const positive = z.int().positive();
const head = {
  hidden: positive.default(4096).describe("width between the layers"),
  batchNorm: z.boolean().default(true).describe("between the layers"),
};

/** Schema of BYOL's options (docs/methods/byol.md). */
export const byolConfig = z.strictObject({
  name: z.literal("byol").default("byol"),
  momentum: rampBetween(0, 1)
    .default({ from: 0.996, to: 1, shape: "cosine", over: 1 })
    .describe("share of itself that the target keeps at a step; from 0.99 for 300 epochs and fewer (official code)"),
  target: targetConfig,
  projector: z
    .strictObject({ layers: positive.default(2).describe("linear layers"), ...head, output: positive.default(256) })
    .prefault({}),
  predictor: z
    .strictObject({
      layers: z
        .int()
        .min(0)
        .default(2)
        .describe("linear layers; 0 leaves it out, and nothing is learned (paper, table 5b)"),
      ...head,
    })
    .prefault({}),
  augmentation: viewPairConfig,
});
/** BYOL's options with their defaults filled in. */
export type ByolConfig = z.output<typeof byolConfig>;

/**
 * BYOL: the prediction from one view must be like the other view's projection by a target network, an average of the online one; there
 * are no negatives.
 */
export class Byol extends Method<"first" | "second"> {
  readonly projector: Module;
  readonly predictor: Module;
  readonly teacher: Teacher | ProjectorTeacher;
  /** What goes into the projector, and what evaluation sees. */
  override readonly pool: Pool;

  constructor(
    readonly config: ByolConfig,
    readonly encoder: Encoder,
    makeEncoder: () => Encoder,
  ) {
    super();
    this.pool = encoder.pools.includes("class") ? "class" : "mean";
    const { output } = config.projector;
    const makeProjector = (): Module => mlpHead({ inputs: encoder.width, lastNorm: false, ...config.projector });
    this.projector = makeProjector();
    this.predictor = mlpHead({ inputs: output, output, lastNorm: false, ...config.predictor });
    this.teacher = teacherFor(config.target, { makeEncoder, projector: makeProjector(), pool: this.pool });
  }

  override begin(): void {
    this.teacher.copy(this);
  }

  /** first, second [B C H W] -> ‖p̄₁ − z̄′₂‖² + ‖p̄₂ − z̄′₁‖² of unit vectors, the mean over pictures (equation 2, both ways) */
  protected forward({ first, second }: Batch<"first" | "second">): Loss {
    // One view at a time: each is normalised by its own statistics.
    const [h1, h2] = [this.features(first), this.features(second)]; // [B W]
    const [t1, t2] = [this.teacher.target(first, () => h1), this.teacher.target(second, () => h2)]; // [B D]
    const [z1, z2] = [this.projector.call(h1), this.projector.call(h2)]; // [B D]
    const [p1, p2] = [this.predictor.call(z1), this.predictor.call(z2)]; // [B D]
    const cosines = meanCosine(p1, t2).add(meanCosine(p2, t1)); // []
    const both = (of: (z: Tensor) => Tensor, a: Tensor, b: Tensor): Tensor => noGrad(() => of(a).add(of(b)).div(2)); // []
    return {
      total: cosines.mul(-2).add(4),
      parts: {
        spread: both(spread, h1, h2),
        likeness: both(likeness, z1, z2),
        dimensions: both(dimensions, z1, z2),
      },
    };
  }

  /** The target follows with the momentum of the step that was taken (official code). */
  override afterStep({ progress }: Step): void {
    this.teacher.follow(this, rampAt(this.config.momentum, progress));
  }

  override health(): Health {
    return { loss: "moves", signals };
  }
}

const causes = [
  "The predictor is missing: set method.predictor.layers to 2.",
  "The target moves too fast: set method.momentum.from nearer to 1.",
  "The learning rate is too high: try a third of it, or a longer warm-up.",
];

/** The lowest loss there is, 0, is that of a collapsed run: how features lie tells more. */
const signals: Health["signals"] = [spreadSignal(causes), likenessSignal(causes), dimensionsSignal(causes)];

/** The official code's presets: rate and weight decay of runs as long as this one, or the next longer. */
function preset(epochs: number): { readonly epochs: number; readonly rate: number; readonly decay: number } {
  if (epochs <= 100) return { epochs: 100, rate: 0.45, decay: 1e-6 };
  if (epochs <= 300) return { epochs: 300, rate: 0.3, decay: 1e-6 };
  return { epochs: 1000, rate: 0.2, decay: 1.5e-6 };
}

/** Numbers are the official code's; for runs and pictures that the paper does not know, what they are scaled by. */
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
  const batch = 2 ** Math.floor(Math.log2(Math.min(most, Math.max(pictures / 4, Math.min(32, pictures)))));
  const { epochs, rate, decay } = preset(length?.epochs ?? 1000);
  const reason = `the official code's for ${epochs} epochs`;
  const heads = { projector: 4096 * (width + 256), predictor: 2 * 4096 * 256 };
  const student = 2 * (encoder + heads.projector + heads.predictor); // both views, forward and backward
  const teacher = (2 * (encoder + heads.projector)) / 3; // forward only
  return {
    choices: [
      ...(length === undefined ? [] : [teacherMomentum(length.steps, { momentum: 0.996, steps: 312_784 })]),
      ...(shorterSide < 64
        ? [{ key: "method.augmentation.blur", value: false, reason: "so small pictures are trained without (SimCLR)" }]
        : []),
      {
        key: "data.batchSize",
        value: batch,
        reason: `its batch norms need pictures beside each other: a quarter of all, at most ${most}`,
      },
      { key: "optim.name", value: "lars", reason: "the paper's" },
      { key: "optim.momentum", value: 0.9, reason: "the paper's" },
      { key: "optim.baseLearningRate", value: rate, reason },
      { key: "optim.weightDecay", value: decay, reason },
      ...paperWarmup(length, 10, 1000),
    ],
    cost: (student + teacher) / encoder,
    memory: 2,
    schedule: { epochs: 1000, reason: "the paper's longest schedule" },
  };
}

/** The definition of BYOL (Grill et al. 2020): `{ name: "byol" }` in a configuration. */
export const byol = defineMethod({
  name: "byol",
  config: byolConfig,
  encoders: anyEncoder,
  usualModel: "resnet",
  views: ({ augmentation }, image) => asymmetricPair(augmentation, image, "bicubic"),
  couplesBatch: () => "its heads normalise over the batch",
  build: (config, makeEncoder) => new Byol(config, makeEncoder(), makeEncoder),
  defaults,
  layouts: peerLayouts,
});
