/**
 * Momentum Contrast for Unsupervised Visual Representation Learning (MoCo v1). He, Fan, Wu, Xie, Girshick; CVPR 2020, arXiv 1911.05722;
 * and Improved Baselines with Momentum Contrastive Learning (MoCo v2). Chen, Fan, Girshick, He; arXiv 2003.04297. Official code:
 * facebookresearch/moco, whose heads, queue and order of steps these are; the symmetric loss is its CIFAR-10 notebook's.
 *
 * Which parts of the key encoder are averages, and whether it shares the student's features, are options after Pham et al. (arXiv
 * 2208.05744).
 *
 * What differs: any encoder, image size and number of channels; the loss is float32 under every precision; the rate falls at each
 * step, not at each epoch; the queue need not be a multiple of the batch. Without several devices there is nothing to shuffle keys
 * over: `model.normSplits` of a ResNet stands for them.
 *
 * Expected: the official code's losses, gradients, key encoder and queue over three optimiser steps
 * (test/methods/siamese/moco.test.ts, from test/reference/moco-*.safetensors).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { anyEncoder, type Encoder, type Pool } from "../../models/encoder.js";
import type { Module } from "../../nn/module.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { DefaultsFacts, MethodDefaults } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, Method, type ParameterRule, type Step } from "../method.js";
import { spread, spreadSignal } from "../parts/collapse.js";
import { mlpHead } from "../parts/heads.js";
import { type Contrast, marginSignal, negativeSignal, queueNce } from "../parts/losses/info-nce.js";
import { KeyQueue } from "../parts/queue.js";
import { type ProjectorTeacher, type Teacher, targetConfig, teacherFor } from "../parts/teacher.js";
import { mocoV1Pair, symmetricPair, symmetricPairConfig } from "../parts/view-pair.js";
import { mocoLayout } from "../published/moco.js";

const positive = z.int().positive();

/** Schema of MoCo's options, of version 1 and 2 (docs/methods/moco.md). */
export const mocoConfig = z.strictObject({
  name: z.literal("moco").default("moco"),
  version: z
    .union([z.literal(1), z.literal(2)])
    .default(2)
    .describe("2 has an MLP head and stronger augmentation; its temperature is 0.2, that of 1 is 0.07"),
  temperature: z.number().positive().optional().describe("τ of the loss; the version's if absent, 0.1 for CIFAR-10"),
  momentum: z.number().min(0).max(1).default(0.999).describe("share of itself that the key encoder keeps at a step"),
  target: targetConfig,
  queue: positive.default(65_536).describe("keys of past batches that are negatives"),
  output: positive.default(128).describe("width of queries and keys"),
  symmetric: z
    .boolean()
    .default(false)
    .describe("both views are queries and keys, and the losses add up (CIFAR-10 notebook); twice the work"),
  shuffle: z
    .boolean()
    .default(true)
    .describe("keys are made in another order than queries (v1, section 3.3), where `model.normSplits` is above 1"),
  augmentation: symmetricPairConfig,
});
/** MoCo's options with their defaults filled in. */
export type MocoConfig = z.output<typeof mocoConfig>;

/** MoCo v1 and v2: a query must find its key, made by a slow copy of the encoder, among a queue of other pictures' keys. */
export class Moco extends Method<"first" | "second"> {
  readonly projector: Module;
  readonly teacher: Teacher | ProjectorTeacher;
  readonly queue: KeyQueue;
  readonly temperature: number;
  /** What goes into the projector, and what evaluation sees. */
  override readonly pool: Pool;

  constructor(
    readonly config: MocoConfig,
    readonly encoder: Encoder,
    makeEncoder: () => Encoder,
  ) {
    super();
    const { version, output, temperature = version === 1 ? 0.07 : 0.2 } = config;
    this.temperature = temperature;
    this.pool = encoder.pools.includes("class") ? "class" : "mean";
    const head = { layers: version, batchNorm: false, lastNorm: false, bias: "every" } as const;
    const makeProjector = (): Module => mlpHead({ inputs: encoder.width, hidden: encoder.width, output, ...head });
    this.projector = makeProjector();
    this.teacher = teacherFor(config.target, { makeEncoder, projector: makeProjector(), pool: this.pool });
    this.queue = new KeyQueue(config.queue, output);
  }

  override begin(): void {
    this.teacher.copy(this);
  }

  /** first, second [B C H W] -> ctr(q, k, queue) (v1, algorithm 1): the key encoder moves, makes the keys, and these join the queue */
  protected forward({ first, second }: Batch<"first" | "second">, step: Step): Loss {
    const { momentum, symmetric } = this.config;
    if (this.training) this.teacher.follow(this, momentum);
    const h1 = this.features(first); // [B W]
    const h2 = symmetric ? this.features(second) : undefined; // [B W]
    const constantly = (): Tensor => h2 ?? noGrad(() => this.features(second)); // [B W]
    const one = this.oneWay(h1, this.keysOf(second, constantly, step, "first"));
    const other =
      h2 === undefined
        ? []
        : [
            this.oneWay(
              h2,
              this.keysOf(first, () => h1, step, "second"),
            ),
          ];
    const ways = [one, ...other];
    const mean = (of: (way: OneWay) => Tensor): Tensor =>
      ways
        .map(of)
        .reduce((a, b) => a.add(b))
        .div(ways.length); // []
    const parts = noGrad(() => ({
      spread: mean(({ features }) => spread(features)),
      positive: mean(({ positive }) => positive),
      negative: mean(({ negative }) => negative),
      margin: mean(({ positive, negative }) => positive.sub(negative)),
      accuracy: mean(({ accuracy }) => accuracy),
    }));
    if (this.training) this.remember(ways, step);
    return { total: ways.map(({ loss }) => loss).reduce((a, b) => a.add(b)), parts };
  }

  /** features [B W] of one view, keys [B D] of the other */
  private oneWay(features: Tensor, keys: Tensor): OneWay {
    const contrast = queueNce(this.projector.call(features), keys, this.queue.call(), this.temperature);
    return { ...contrast, features, keys };
  }

  /**
   * image [B C H W] -> keys [B D], by a key encoder that sees the pictures in another order where its norms do not see all of them.
   * @param features the student's of the image [B W], for a key encoder that shares them; they have no other order
   */
  private keysOf(image: Tensor, features: () => Tensor, { rng }: Step, way: string): Tensor {
    const { shuffle, target } = this.config;
    const isShuffled = shuffle && target.route === "full" && this.training && (this.encoder.normSplits ?? 1) > 1;
    if (!isShuffled) return this.teacher.target(image, features); // [B D]
    const order = rng.fork(`shuffle/${way}`).uniform([1], image.device).reshape([-1]).argsort(0); // [B]
    return this.teacher.target(image.indexSelect(0, order), features).indexSelect(0, order.argsort(0)); // [B D]
  }

  private remember(ways: readonly OneWay[], { index, world }: Step): void {
    const keys = ways.map((way) => world.gather(way.keys)); // [B D] each
    for (const [i, each] of keys.entries()) this.queue.enqueue(each, index * keys.length + i);
  }

  /** Decay acts on every tensor (official code). */
  override ruleFor(): ParameterRule {
    return { decays: true };
  }

  override health(): Health {
    return { loss: "moves", signals };
  }
}

interface OneWay extends Contrast {
  readonly features: Tensor; // [B W]
  readonly keys: Tensor; // [B D]
}

const causes = [
  "The learning rate is too high: try a third of it.",
  "The key encoder moves too fast: set method.momentum nearer to 1.",
  "The views have nothing in common: look at the pictures, and at method.augmentation.",
];

const signals: Health["signals"] = [
  spreadSignal(causes),
  marginSignal(
    "Pictures cannot be told apart: a query is no nearer to its own key than to those in the queue.",
    causes,
  ),
  negativeSignal(causes),
];

/** Numbers are the official code's, and for small pictures those of its CIFAR-10 notebook. */
function defaults({ pictures, width, multiplyAdds, side, shorterSide = side }: DefaultsFacts): MethodDefaults {
  const fitting = Math.min(256, Math.max(pictures / 4, Math.min(32, pictures)));
  const batch = 2 ** Math.floor(Math.log2(fitting));
  const isSmall = shorterSide < 64;
  const most = isSmall ? 4096 : 65_536;
  const queue = Math.min(most, batch * Math.max(1, Math.floor(pictures / 4 / batch)));
  const looksBack = queue < most ? Math.min(1000, Math.max(10, Math.round(pictures / batch))) : isSmall ? 100 : 1000;
  return {
    choices: [
      { key: "method.queue", value: queue, reason: `negatives: a quarter of the pictures, at most ${most}` },
      {
        key: "method.momentum",
        value: Number((1 - 1 / looksBack).toFixed(4)),
        reason: `a key encoder that looks back over ${looksBack} steps`,
      },
      ...(isSmall
        ? [
            { key: "method.temperature", value: 0.1, reason: "the official notebook's for CIFAR-10" },
            { key: "method.augmentation.blur", value: false, reason: "so small pictures are trained without" },
          ]
        : []),
      { key: "data.batchSize", value: batch, reason: "the official code's 256, or a quarter of the pictures" },
      { key: "optim.name", value: "sgd", reason: "the official code's" },
      { key: "optim.momentum", value: 0.9, reason: "the official code's" },
      { key: "optim.baseLearningRate", value: 0.03, reason: "the official code's" },
      { key: "optim.weightDecay", value: isSmall ? 5e-4 : 1e-4, reason: "the official code's, on every tensor" },
      { key: "optim.warmupEpochs", value: 0, reason: "the official code's: none" },
    ],
    // A view forward and backward, the other forward alone.
    cost: (4 / 3) * (1 + (width * width + width * 128) / multiplyAdds),
    schedule: { epochs: 800, reason: "the paper's longest schedule" },
  };
}

/** The definition of MoCo v1 and v2 (He et al. 2020, Chen et al. 2020): `{ name: "moco" }` in a configuration. */
export const moco = defineMethod({
  name: "moco",
  config: mocoConfig,
  encoders: anyEncoder,
  usualModel: "resnet",
  views: ({ augmentation, version }, image) => (version === 1 ? mocoV1Pair : symmetricPair)(augmentation, image),
  couplesBatch: () => "its keys join the queue, and norms of the encoder average over the batch",
  build: (config, makeEncoder) => new Moco(config, makeEncoder(), makeEncoder),
  defaults,
  layouts: [mocoLayout("moco")],
});
