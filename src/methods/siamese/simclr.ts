/**
 * A Simple Framework for Contrastive Learning of Visual Representations (SimCLR). Chen, Kornblith, Norouzi, Hinton; ICML 2020,
 * arXiv 2002.05709; its deeper projector is SimCLR v2's (arXiv 2006.10029). Official code: google-research/simclr, whose head and
 * one pass over both views these are.
 *
 * A target whose projections are the keys, of which a part may be an average, is an option after Pham et al. (arXiv 2208.05744).
 *
 * What differs: any encoder, image size and number of channels; the loss is float32 under every precision, and the mean over all
 * views as in the paper (the official code adds the means of both views up, which LARS does not notice in matrices); first values of
 * the head are PyTorch's; brightness is scaled as in v2, and crops are Pillow's.
 *
 * Expected: losses, gradients and three steps of two independent implementations, vturrisi/solo-learn and lightly-ai/lightly
 * (test/methods/siamese/simclr.test.ts, from test/reference/simclr-*.safetensors); the official code is TensorFlow's.
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { anyEncoder, type Encoder, type Pool } from "../../models/encoder.js";
import type { Module } from "../../nn/module.js";
import { rampAt } from "../../optim/schedule.js";
import { cat } from "../../tensor/creation.js";
import type { DefaultsFacts, MethodDefaults } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, Method, type Step } from "../method.js";
import { spread, spreadSignal } from "../parts/collapse.js";
import { mlpHead } from "../parts/heads.js";
import { marginSignal, negativeSignal, ntXent } from "../parts/losses/info-nce.js";
import { addedTargetConfig, type ProjectorTeacher, type Teacher, teacherFor } from "../parts/teacher.js";
import { simclrPair, simclrPairConfig } from "../parts/view-pair.js";

const positive = z.int().positive();

/** Schema of SimCLR's options (docs/methods/simclr.md). */
export const simclrConfig = z.strictObject({
  name: z.literal("simclr").default("simclr"),
  temperature: z.number().positive().default(0.1).describe("τ of the loss; 0.5 for CIFAR-10 (official code)"),
  projector: z
    .strictObject({
      layers: positive.default(2).describe("linear layers; 3 in SimCLR v2 and the official code"),
      hidden: positive.optional().describe("width between the layers; the encoder's if absent (official code)"),
      output: positive.default(128),
      batchNorm: z
        .boolean()
        .default(true)
        .describe("behind every layer, the last one's without a bias (official code); without, layers have biases"),
    })
    .prefault({}),
  target: addedTargetConfig
    .optional()
    .describe("a momentum copy whose projections are what views find; absent: the views' own, as in the paper"),
  augmentation: simclrPairConfig,
});
/** SimCLR's options with their defaults filled in. */
export type SimclrConfig = z.output<typeof simclrConfig>;

/** SimCLR: each view must find the other view of its picture among all views of the batch, which are its negatives. */
export class Simclr extends Method<"first" | "second"> {
  readonly projector: Module;
  readonly teacher: Teacher | ProjectorTeacher | undefined;
  /** What goes into the projector, and what evaluation sees. */
  override readonly pool: Pool;

  constructor(
    readonly config: SimclrConfig,
    readonly encoder: Encoder,
    makeEncoder: () => Encoder,
  ) {
    super();
    this.pool = encoder.pools.includes("class") ? "class" : "mean";
    const { hidden = encoder.width, batchNorm, ...projector } = config.projector;
    const norms = batchNorm ? ({ lastNorm: "scale" } as const) : ({ lastNorm: false, bias: "every" } as const);
    const makeProjector = (): Module => mlpHead({ inputs: encoder.width, hidden, ...projector, batchNorm, ...norms });
    this.projector = makeProjector();
    this.teacher =
      config.target && teacherFor(config.target, { makeEncoder, projector: makeProjector(), pool: this.pool });
  }

  override begin(): void {
    this.teacher?.copy(this);
  }

  /** first, second [B C H W] -> NT-Xent of both views' projections (algorithm 1), with the target's as keys where there is one */
  protected forward({ first, second }: Batch<"first" | "second">, { world }: Step): Loss {
    const B = first.side(0);
    // Both views at once: batch norms average over all (official code).
    const views = cat([first, second]); // [2B C H W]
    const h = this.features(views); // [2B W]
    const z = this.projector.call(h); // [2B D]
    const keys = this.teacher?.target(views, () => h); // [2B D]
    const options = { temperature: this.config.temperature, world, ...(keys && { keys }) };
    const { loss, positive: own, negative, accuracy } = ntXent(z.slice(0, 0, B), z.slice(0, B), options);
    const parts = noGrad(() => ({
      spread: spread(h),
      positive: own,
      negative,
      margin: own.sub(negative), // []
      accuracy,
    }));
    return { total: loss, parts };
  }

  /** The target follows after the optimiser's step, as BYOL's does. */
  override afterStep({ progress }: Step): void {
    if (this.config.target) this.teacher?.follow(this, rampAt(this.config.target.momentum, progress));
  }

  override health(): Health {
    return { loss: "moves", signals };
  }
}

const causes = [
  "Nothing keeps pictures apart: other pictures are missing from the loss.",
  "The learning rate is too high: try a third of it, or a longer warm-up.",
  "The views have nothing in common: look at the pictures, and at method.augmentation.",
];

const signals: Health["signals"] = [
  spreadSignal(causes),
  marginSignal(
    "The pictures of a batch cannot be told apart: a view is no nearer to its partner than to others.",
    causes,
  ),
  negativeSignal(causes),
];

/** Numbers are the official code's commands for ImageNet and CIFAR-10. */
function defaults({ pictures, width, multiplyAdds, side, shorterSide = side, device }: DefaultsFacts): MethodDefaults {
  const most = device === "cuda" ? 1024 : 256;
  const fitting = Math.min(most, Math.max(pictures / 4, Math.min(32, pictures)));
  const isSmall = shorterSide < 64;
  return {
    choices: [
      ...(isSmall
        ? [
            { key: "method.temperature", value: 0.5, reason: "the official code's for CIFAR-10" },
            { key: "method.augmentation.strength", value: 0.5, reason: "the official code's for CIFAR-10" },
            { key: "method.augmentation.blur", value: false, reason: "so small pictures are trained without" },
          ]
        : []),
      {
        key: "data.batchSize",
        value: 2 ** Math.floor(Math.log2(fitting)),
        reason: `its pictures are each other's negatives: a quarter of all, at most ${most}`,
      },
      { key: "optim.name", value: "lars", reason: "the paper's" },
      { key: "optim.momentum", value: 0.9, reason: "the paper's" },
      {
        key: "optim.baseLearningRate",
        value: isSmall ? 1 : 0.3,
        reason: isSmall ? "the official code's for CIFAR-10" : "the paper's",
      },
      { key: "optim.weightDecay", value: 1e-4, reason: "the official code's, on matrices" },
    ],
    cost: (2 * (multiplyAdds + width * (width + 128))) / multiplyAdds,
    memory: 2,
    schedule: { epochs: 1000, reason: "the paper's longest schedule" },
  };
}

/** The definition of SimCLR (Chen et al. 2020): `{ name: "simclr" }` in a configuration. */
export const simclr = defineMethod({
  name: "simclr",
  config: simclrConfig,
  encoders: anyEncoder,
  usualModel: "resnet",
  views: ({ augmentation }, image) => simclrPair(augmentation, image),
  couplesBatch: () => "the other pictures of the batch are its negatives, and its head normalises over the batch",
  build: (config, makeEncoder) => new Simclr(config, makeEncoder(), makeEncoder),
  defaults,
});
