/**
 * Revisiting the Critical Factors of Augmentation-Invariant Representation Learning (MoCo v2+, S-MoCo v2+). Huang, Kong, Zhang; ECCV 2022,
 * arXiv 2208.00275. Official code: megvii-research/revisitAIRL, whose heads, losses, queue and order of steps these are. Its BYOL is
 * `loss: "cosine"`.
 *
 * What differs: any encoder, image size and number of channels; the loss is float32 under every precision; a step's momentum is read
 * where the step begins, the official code's where it ends. Layers before batch norm have no bias, which it would take away. The
 * paper's text was not at hand: names, numbers and this file follow the code.
 *
 * Expected: the official code's losses, gradients, target, queue and batch statistics over three optimiser steps
 * (test/methods/siamese/moco-v2-plus.test.ts, from test/reference/moco-v2-plus-*.safetensors).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { anyEncoder, type Encoder, type Pool } from "../../models/encoder.js";
import { Chain, type Module } from "../../nn/module.js";
import { rampAt, rampBetween } from "../../optim/schedule.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup, teacherMomentum } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, Method, type ParameterRule, type Step } from "../method.js";
import { dimensions, dimensionsSignal, likeness, likenessSignal, spread, spreadSignal } from "../parts/collapse.js";
import { mlpHead } from "../parts/heads.js";
import { meanCosine } from "../parts/losses/cosine.js";
import { type Contrast, infoNce, marginSignal, negativeSignal, queueNce } from "../parts/losses/info-nce.js";
import { KeyQueue } from "../parts/queue.js";
import { type ProjectorTeacher, type Teacher, targetConfig, teacherFor } from "../parts/teacher.js";
import { fairPair, fairPairConfig } from "../parts/view-pair.js";

const positive = z.int().positive();

/** Schema of MoCo v2+'s options (docs/methods/mocoV2Plus.md). */
export const mocoV2PlusConfig = z.strictObject({
  name: z.literal("mocoV2Plus").default("mocoV2Plus"),
  loss: z
    .enum(["infoNce", "cosine"])
    .default("infoNce")
    .describe("find the own key among others, or meet it (BYOL's loss, which has no negatives)"),
  temperature: z.number().positive().default(0.2).describe("τ of infoNce"),
  queue: z
    .int()
    .min(0)
    .default(65_536)
    .describe("keys of past batches that are infoNce's negatives; 0: the batch's other keys instead"),
  enqueue: z
    .enum(["random", "first", "second", "both"])
    .default("random")
    .describe("which view's keys join the queue; random: those of one or the other, drawn anew at each step"),
  momentum: rampBetween(0, 1)
    .default({ from: 0.99, to: 1, shape: "cosine", over: 1 })
    .describe("share of itself that the target keeps at a step"),
  target: targetConfig,
  projector: z
    .strictObject({
      hidden: positive.default(4096).describe("width between the layers"),
      output: positive.default(256),
    })
    .prefault({}),
  predictor: z
    .strictObject({
      on: z
        .enum(["online", "both"])
        .default("online")
        .describe("both: the target has one too, and the branches are built alike (S-MoCo v2+)"),
      hidden: positive.default(4096).describe("width between the layers"),
    })
    .prefault({}),
  augmentation: fairPairConfig,
});
/** MoCo v2+'s options with their defaults filled in. */
export type MocoV2PlusConfig = z.output<typeof mocoV2PlusConfig>;

/** MoCo v2+: MoCo's loss and queue under BYOL's heads and schedules, so that what tells methods apart can be changed alone. */
export class MocoV2Plus extends Method<"first" | "second"> {
  /** With the predictor behind it where both branches have one. */
  readonly projector: Module;
  readonly predictor: Module;
  readonly teacher: Teacher | ProjectorTeacher;
  readonly queue: KeyQueue | undefined;
  /** What goes into the projector, and what evaluation sees. */
  override readonly pool: Pool;

  constructor(
    readonly config: MocoV2PlusConfig,
    readonly encoder: Encoder,
    makeEncoder: () => Encoder,
  ) {
    super();
    this.pool = encoder.pools.includes("class") ? "class" : "mean";
    const { output } = config.projector;
    const isAlike = config.predictor.on === "both";
    // The official code's: where the branches are alike, outputs have no bias.
    const ends = { layers: 2, batchNorm: true, lastNorm: false, output, ...(isAlike ? {} : { bias: "last" as const }) };
    const project = (): Chain<Module> => mlpHead({ inputs: encoder.width, hidden: config.projector.hidden, ...ends });
    const predict = (): Chain<Module> => mlpHead({ inputs: output, hidden: config.predictor.hidden, ...ends });
    const branch = (): Module => (isAlike ? new Chain([...project().links, ...predict().links]) : project());
    this.projector = branch();
    this.predictor = isAlike ? new Chain([]) : predict();
    this.teacher = teacherFor(config.target, { makeEncoder, projector: branch(), pool: this.pool });
    this.queue = config.loss === "infoNce" && config.queue > 0 ? new KeyQueue(config.queue, output) : undefined;
  }

  override begin(): void {
    this.teacher.copy(this);
  }

  /** first, second [B C H W] -> the loss of o₁ with t₂ and of o₂ with t₁, added up; the target's keys then join the queue */
  protected forward({ first, second }: Batch<"first" | "second">, step: Step): Loss {
    const [h1, h2] = [this.features(first), this.features(second)]; // [B W]
    const [z1, z2] = [this.projector.call(h1), this.projector.call(h2)]; // [B D]
    const [o1, o2] = [this.predictor.call(z1), this.predictor.call(z2)]; // [B D]
    const [t1, t2] = [this.teacher.target(first, () => h1), this.teacher.target(second, () => h2)]; // [B D]
    const seen = { spread: noGrad(() => spread(h1).add(spread(h2)).div(2)) }; // []
    if (this.config.loss === "cosine") {
      const total = meanCosine(o1, t2).add(meanCosine(o2, t1)).mul(-2).add(4); // []
      return { total, parts: { ...seen, ...noGrad(() => looks(z1, z2)) } };
    }
    const ways = [this.contrast(o1, t2, step), this.contrast(o2, t1, step)] as const;
    if (this.training) this.remember(t1, t2, step);
    return { total: ways[0].loss.add(ways[1].loss), parts: { ...seen, ...noGrad(() => agreement(ways)) } };
  }

  /** queries, keys [B D] -> MoCo's loss over the queue, or over the batch where there is none; neither carries MoCo v3's 2τ */
  private contrast(queries: Tensor, keys: Tensor, { world }: Step): Contrast {
    const { temperature } = this.config;
    if (this.queue !== undefined) return queueNce(queries, keys, this.queue.call(), temperature);
    const { loss, ...seen } = infoNce(queries, keys, { temperature, world });
    return { loss: loss.div(2 * temperature), ...seen };
  }

  /** Keys of both views [B D] */
  private remember(t1: Tensor, t2: Tensor, { rng, index, world }: Step): void {
    const { enqueue } = this.config;
    const chosen = (): Tensor => {
      const draw = rng.fork("enqueue").uniform([1], t1.device).slice(0, 0, 1); // [1 1]
      return t1.where(draw.lt(0.5), t2); // [B D]
    };
    const keys = { first: () => [t1], second: () => [t2], both: () => [t1, t2], random: () => [chosen()] }[enqueue]();
    for (const [i, each] of keys.entries()) this.queue?.enqueue(world.gather(each), index * keys.length + i);
  }

  /** After the optimiser's step (official code). */
  override afterStep({ progress }: Step): void {
    this.teacher.follow(this, rampAt(this.config.momentum, progress));
  }

  /** Decay acts on every tensor (official code); LARS leaves vectors out by itself. */
  override ruleFor(): ParameterRule {
    return { decays: true };
  }

  override health(): Health {
    return { loss: "moves", signals: this.config.loss === "cosine" ? predictive : contrastive };
  }
}

/** projections of both views [B D] -> what a run without negatives is judged by */
function looks(first: Tensor, second: Tensor): Readonly<Record<string, Tensor>> {
  const both = (of: (z: Tensor) => Tensor): Tensor => of(first).add(of(second)).div(2); // []
  return { likeness: both(likeness), dimensions: both(dimensions) };
}

function agreement([one, other]: readonly [Contrast, Contrast]): Readonly<Record<string, Tensor>> {
  const mean = (name: "positive" | "negative" | "accuracy"): Tensor => one[name].add(other[name]).div(2); // []
  const [positive, negative] = [mean("positive"), mean("negative")];
  return { positive, negative, margin: positive.sub(negative), accuracy: mean("accuracy") };
}

const causes = [
  "The learning rate is too high: try a third of it, or a longer warm-up.",
  "The target moves too fast: set method.momentum.from nearer to 1.",
  "The views have nothing in common: look at the pictures, and at method.augmentation.",
];
const contrastive: Health["signals"] = [
  spreadSignal(causes),
  marginSignal("Pictures cannot be told apart: a query is no nearer to its own key than to others.", causes),
  negativeSignal(causes),
];
const withoutNegatives = [
  "Nothing tells the branches apart: set method.predictor.on to online, or method.loss to infoNce.",
  ...causes,
];
const predictive: Health["signals"] = [
  spreadSignal(withoutNegatives),
  likenessSignal(withoutNegatives),
  dimensionsSignal(withoutNegatives),
];

/** Numbers are the official code's with SGD; for pictures that it does not know, those of MoCo. */
function defaults(facts: DefaultsFacts): MethodDefaults {
  const { pictures, width, multiplyAdds: encoder, side, shorterSide = side, length } = facts;
  const batch = 2 ** Math.floor(Math.log2(Math.min(256, Math.max(pictures / 4, Math.min(32, pictures)))));
  const isSmall = shorterSide < 64;
  const most = isSmall ? 4096 : 65_536;
  const queue = Math.min(most, batch * Math.max(1, Math.floor(pictures / 4 / batch)));
  const heads = { projector: 4096 * (width + 256), predictor: 2 * 4096 * 256 };
  const student = 2 * (encoder + heads.projector + heads.predictor); // both views, forward and backward
  const target = (2 * (encoder + heads.projector)) / 3; // forward only
  return {
    choices: [
      ...(length === undefined ? [] : [teacherMomentum(length.steps, { momentum: 0.99, steps: 1_000_800 })]),
      { key: "method.queue", value: queue, reason: `negatives: a quarter of the pictures, at most ${most}` },
      ...(isSmall
        ? [{ key: "method.augmentation.blur", value: false, reason: "so small pictures are trained without (SimCLR)" }]
        : []),
      { key: "data.batchSize", value: batch, reason: "the official code's 256, or a quarter of the pictures" },
      { key: "optim.name", value: "sgd", reason: "the official code's" },
      { key: "optim.momentum", value: 0.9, reason: "the official code's" },
      { key: "optim.baseLearningRate", value: 0.03, reason: "the official code's" },
      { key: "optim.weightDecay", value: 1e-4, reason: "the official code's, on every tensor" },
      ...paperWarmup(length, 10, 200),
    ],
    cost: (student + target) / encoder,
    memory: 2,
    schedule: { epochs: 200, reason: "the official code's schedule" },
  };
}

/** The definition of MoCo v2+ (Huang et al. 2022): `{ name: "mocoV2Plus" }` in a configuration. */
export const mocoV2Plus = defineMethod({
  name: "mocoV2Plus",
  config: mocoV2PlusConfig,
  encoders: anyEncoder,
  usualModel: "resnet",
  views: ({ augmentation }, image) => fairPair(augmentation, image),
  couplesBatch: () => "its keys join the queue, and its heads normalise over the batch",
  build: (config, makeEncoder) => new MocoV2Plus(config, makeEncoder(), makeEncoder),
  defaults,
});
