/**
 * Self-Distilled Self-Supervised Representation Learning (SDSSL). Jang, Kim, Yoo, Kong, Kim, Kwak; WACV 2023, arXiv 2111.12958. Official
 * code: hagiss/SDSSL, whose heads, losses and order of steps these are, over MoCo v3, BYOL and SimCLR.
 *
 * What differs: any number of blocks (the official code has twelve), image size and channels; the loss is float32 under every precision.
 * The official BYOL weighs all blocks alike at the one step whose λ is exactly 0; here λ is 0 there.
 *
 * Expected: the official code's losses, gradients, teacher and three steps over each of the three
 * (test/methods/siamese/sdssl.test.ts, from test/reference/sdssl-*.safetensors).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { type BlockEncoder, blockEncoder, type Encoder, type Pool, patchEncoder } from "../../models/encoder.js";
import { drawAnew } from "../../nn/init.js";
import type { Module } from "../../nn/module.js";
import { rampAt, rampBetween } from "../../optim/schedule.js";
import { cat } from "../../tensor/creation.js";
import type { Rng } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup, teacherMomentum } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, Method, type Step } from "../method.js";
import { dimensions, dimensionsSignal, likeness, likenessSignal, spread, spreadSignal } from "../parts/collapse.js";
import { mlpHead } from "../parts/heads.js";
import { meanCosine } from "../parts/losses/cosine.js";
import { infoNce, marginSignal, negativeSignal, ntXent } from "../parts/losses/info-nce.js";
import { Teacher } from "../parts/teacher.js";
import { asymmetricPair, viewPairConfig } from "../parts/view-pair.js";
import { mocoV3FirstValues } from "./moco-v3.js";

const positive = z.int().positive();

/** Schema of SDSSL's options (docs/methods/sdssl.md). */
export const sdsslConfig = z.strictObject({
  name: z.literal("sdssl").default("sdssl"),
  host: z.enum(["mocoV3", "byol", "simclr"]).default("mocoV3").describe("the method whose loss every block gets"),
  temperature: z.number().positive().default(0.2).describe("τ of the contrastive losses"),
  ratio: z
    .number()
    .min(0)
    .optional()
    .describe(
      "weight of the blocks before the last, which rises from 0 to it by half a cosine; absent: 1 over MoCo v3, else 0.8 (official code)",
    ),
  momentum: rampBetween(0, 1)
    .default({ from: 0.996, to: 1, shape: "cosine", over: 1 })
    .describe("share of itself that the teacher keeps at a step; SimCLR has none"),
  hidden: positive
    .default(4096)
    .describe("width of the predictors and of the last projector; the other projectors' is half of it (official code)"),
  output: positive.default(256).describe("width of the projections"),
  freezePatchEmbed: z
    .boolean()
    .default(true)
    .describe("the patch projection keeps its random first values, as in MoCo v3 (official code)"),
  augmentation: viewPairConfig,
});
/** SDSSL's options with their defaults filled in. */
export type SdsslConfig = z.output<typeof sdsslConfig>;

/** Projections [B D] of one view behind every block. */
type Blocks = readonly Tensor[];

/**
 * SDSSL: every block of an encoder, not the last one alone, is to find the final representation of the picture's other view, each
 * through a head of its own, by the loss of MoCo v3, BYOL or SimCLR.
 */
export class Sdssl extends Method<"first" | "second"> {
  /** Of the last block; the teacher has one too. */
  readonly projector: Module;
  readonly predictor: Module | undefined;
  /** Of the blocks before it. */
  readonly projectors: readonly Module[];
  readonly predictors: readonly Module[];
  readonly teacher: Teacher | undefined;
  /** What goes into the projectors, and what evaluation sees. */
  override readonly pool: Pool;

  constructor(
    readonly config: SdsslConfig,
    readonly encoder: BlockEncoder,
    makeEncoder: () => Encoder,
  ) {
    super();
    const { host, hidden, output } = config;
    this.pool = encoder.pools.includes("class") ? "class" : "mean";
    const norms = { batchNorm: true, lastNorm: host !== "byol" };
    const project = (width: number): Module =>
      mlpHead({ inputs: encoder.width, layers: 3, hidden: width, output, ...norms });
    const predict = (): Module => mlpHead({ inputs: output, layers: 2, hidden, output, ...norms });
    const before = Array.from({ length: encoder.depth - 1 });
    const isTaught = host !== "simclr";
    this.projector = project(hidden);
    this.projectors = before.map(() => project(Math.max(1, Math.floor(hidden / 2))));
    this.predictor = isTaught ? predict() : undefined;
    this.predictors = isTaught ? before.map(predict) : [];
    this.teacher = isTaught ? new Teacher(makeEncoder(), project(hidden), this.pool) : undefined;
    if (config.freezePatchEmbed && patchEncoder.is(encoder))
      for (const parameter of encoder.patchEmbed.state().values()) parameter.setRequiresGrad(false);
  }

  /** The teacher where there is one (official code). */
  override get outcome(): Encoder {
    return this.teacher?.encoder ?? this.encoder;
  }

  override initialize(rng: Rng): void {
    super.initialize(rng);
    if (patchEncoder.is(this.encoder)) drawAnew(this.encoder.state(), mocoV3FirstValues, rng.fork("sdssl"));
  }

  override begin(): void {
    this.teacher?.copy(this);
  }

  /** first, second [B C H W] -> L_last + λ · mean of L_l over the blocks before it + what trains the predictors alone */
  protected forward(batch: Batch<"first" | "second">, step: Step): Loss {
    const { host, ratio = host === "mocoV3" ? 1 : 0.8 } = this.config;
    const weight = rampAt({ from: 0, to: ratio, shape: "cosine", over: 1 }, step.progress);
    return this.teacher === undefined
      ? this.alone(batch, step, weight)
      : this.taught(batch, this.teacher, step, weight);
  }

  /** Over SimCLR: both views at once, and no teacher. The blocks before the last are taught by its projections as constants. */
  private alone({ first, second }: Batch<"first" | "second">, { world }: Step, weight: number): Loss {
    const { temperature } = this.config;
    const features = this.encoder.blockFeatures(cat([first, second]), this.pool); // [2B W] each
    const B = first.side(0);
    const blocks = this.project(features); // [2B D] each
    const keys = last(blocks); // [2B D]
    const nce = (z: Tensor, given: { readonly keys?: Tensor }) =>
      ntXent(z.slice(0, 0, B), z.slice(0, B), { temperature, world, ...given });
    const { loss, ...agreement } = nce(keys, {});
    const middle = blocks.slice(0, -1).map((z) => nce(z, { keys: keys.detach() }).loss); // []
    return this.sum({ last: loss, middle }, weight, {
      ...agreement,
      margin: noGrad(() => agreement.positive.sub(agreement.negative)),
      spread: spread(last(features)),
    });
  }

  /** Over MoCo v3 and BYOL: each view's blocks are taught by what the teacher makes of the other view. */
  private taught(
    { first, second }: Batch<"first" | "second">,
    teacher: Teacher,
    { world }: Step,
    weight: number,
  ): Loss {
    const { host, temperature } = this.config;
    // The official code's order, in which batch norms meet the views.
    const t1 = teacher.call(first); // [B D]
    const f2 = this.encoder.blockFeatures(second, this.pool); // [B W] each
    const z2 = this.project(f2); // [B D] each
    const t2 = teacher.call(second); // [B D]
    const f1 = this.encoder.blockFeatures(first, this.pool); // [B W] each
    const z1 = this.project(f1); // [B D] each
    const constants = [z2, z1].map((z) => this.predict(z.map((one) => one.detach())));
    const predictions = [z2, z1].map((z) => this.predict(z));
    const compare = (q: Tensor, k: Tensor): Tensor =>
      host === "byol" ? meanCosine(q, k).mul(-2).add(2) : infoNce(q, k, { temperature, world }).loss; // []
    /** The loss of every block, both views added up. */
    const losses = ([q2 = [], q1 = []]: readonly Blocks[]): Tensor[] =>
      q2.map((q, i) => compare(q, t1).add(compare(q1[i] as Tensor, t2))); // []
    const ofBlocks = losses(predictions);
    const total = { last: last(ofBlocks), middle: ofBlocks.slice(0, -1), predictors: losses(constants) };
    const parts = noGrad(() => ({
      spread: spread(last(f1))
        .add(spread(last(f2)))
        .div(2), // []
      ...(host === "byol"
        ? looks(last(z1), last(z2))
        : agreementOf(last(predictions[0] ?? []), t1, temperature, world)),
    }));
    return this.sum(total, weight, parts);
  }

  /** @param losses `predictors`, one a block, reach the predictors alone: their sum gives each a loss of its own, whatever the weight */
  private sum(
    losses: { readonly last: Tensor; readonly middle: Blocks; readonly predictors?: Blocks },
    weight: number,
    parts: Readonly<Record<string, Tensor>>,
  ): Loss {
    const middle = losses.middle.length === 0 ? undefined : meanOf(losses.middle); // []
    const weighed = [
      ...(middle === undefined ? [] : [middle.mul(weight)]),
      ...(losses.predictors === undefined ? [] : losses.predictors),
    ];
    const total = weighed.reduce((sum, one) => sum.add(one), losses.last); // []
    return {
      total,
      parts: { last: losses.last.detach(), ...(middle === undefined ? {} : { middle: middle.detach() }), ...parts },
    };
  }

  /** features behind every block [B W] each -> projections [B D] each */
  private project(features: Blocks): Tensor[] {
    return features.map((one, i) => (this.projectors[i] ?? this.projector).call(one));
  }

  /** projections of every block [B D] each -> predictions [B D] each */
  private predict(projections: Blocks): Tensor[] {
    return projections.map((one, i) => (this.predictors[i] ?? (this.predictor as Module)).call(one));
  }

  /** After the optimiser's step (official code). */
  override afterStep({ progress }: Step): void {
    this.teacher?.follow(this, rampAt(this.config.momentum, progress));
  }

  override health(): Health {
    return { loss: "moves", signals: this.config.host === "byol" ? predictive : contrastive };
  }
}

const last = (blocks: Blocks): Tensor => blocks.at(-1) as Tensor;
const meanOf = (losses: Blocks): Tensor => losses.reduce((a, b) => a.add(b)).div(losses.length); // []

/** What a run over BYOL is judged by: projections of both views [B D]. */
function looks(first: Tensor, second: Tensor): Readonly<Record<string, Tensor>> {
  const both = (of: (z: Tensor) => Tensor): Tensor => of(first).add(of(second)).div(2); // []
  return { likeness: both(likeness), dimensions: both(dimensions) };
}

/** What a run over MoCo v3 is judged by: queries and keys of the last block [B D]. */
function agreementOf(
  queries: Tensor,
  keys: Tensor,
  temperature: number,
  world: Step["world"],
): Readonly<Record<string, Tensor>> {
  const { loss: _, ...agreement } = infoNce(queries, keys, { temperature, world });
  return { ...agreement, margin: agreement.positive.sub(agreement.negative) };
}

const causes = [
  "The learning rate is too high: try a third of it, or a longer warm-up.",
  "The patch projection is trained: set method.freezePatchEmbed to true.",
  "The teacher moves too fast: set method.momentum.from nearer to 1.",
  "The views have nothing in common: look at the pictures, and at method.augmentation.",
];
const contrastive: Health["signals"] = [
  spreadSignal(causes),
  marginSignal(
    "The pictures of a batch cannot be told apart: a query is no nearer to its own key than to others.",
    causes,
  ),
  negativeSignal(causes),
];
const predictive: Health["signals"] = [spreadSignal(causes), likenessSignal(causes), dimensionsSignal(causes)];

/** Numbers are the official code's; for runs and pictures that it does not know, what they are scaled by. */
function defaults(facts: DefaultsFacts): MethodDefaults {
  const { pictures, width, depth, multiplyAdds: encoder, side, shorterSide = side, device, length } = facts;
  const most = device === "cuda" ? 1024 : 256;
  const batch = 2 ** Math.floor(Math.log2(Math.min(most, Math.max(pictures / 4, Math.min(32, pictures)))));
  const hidden = Math.min(4096, 2 ** Math.round(Math.log2((4096 / 768) * width)));
  const projector = (inner: number): number => inner * (width + inner + 256);
  const projectors = { last: projector(hidden), other: projector(hidden / 2) };
  const predictors = depth * 2 * 2 * hidden * 256; // each runs twice, once for itself
  const student = 2 * (encoder + projectors.last + (depth - 1) * projectors.other + predictors);
  const teacher = (2 * (encoder + projectors.last)) / 3; // forward only
  return {
    choices: [
      ...(length === undefined ? [] : [teacherMomentum(length.steps, { momentum: 0.996, steps: 94_000 })]),
      {
        key: "method.hidden",
        value: hidden,
        reason: "heads as wide to the encoder as the official code's 4096 to a ViT-B: every block has some",
      },
      ...(shorterSide < 64
        ? [{ key: "method.augmentation.blur", value: false, reason: "so small pictures are trained without (SimCLR)" }]
        : []),
      {
        key: "data.batchSize",
        value: batch,
        reason: `its pictures are each other's negatives: a quarter of all, at most ${most}`,
      },
      { key: "optim.baseLearningRate", value: 1.5e-4, reason: "the official code's" },
      { key: "optim.weightDecay", value: 0.1, reason: "the official code's" },
      { key: "optim.betas", value: [0.9, 0.999], shown: "0.9 0.999", reason: "the official code's" },
      ...paperWarmup(length, 40, 300),
    ],
    cost: (student + teacher) / encoder,
    memory: 2,
    schedule: { epochs: 300, reason: "the official code's schedule" },
  };
}

/** The definition of SDSSL (Jang et al. 2023): `{ name: "sdssl" }` in a configuration. */
export const sdssl = defineMethod({
  name: "sdssl",
  config: sdsslConfig,
  encoders: blockEncoder,
  views: ({ augmentation }, image) => asymmetricPair(augmentation, image),
  couplesBatch: () => "the other pictures of the batch are its negatives, and its heads normalise over the batch",
  build: (config, makeEncoder) => new Sdssl(config, makeEncoder(), makeEncoder),
  defaults,
});
