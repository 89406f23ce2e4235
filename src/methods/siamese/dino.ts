/**
 * Emerging Properties in Self-Supervised Vision Transformers (DINO). Caron, Touvron, Misra, Jégou, Mairal, Bojanowski, Joulin; ICCV 2021,
 * arXiv 2104.14294. Official code: facebookresearch/dino, whose head, loss, centre, clipping and order of steps these are.
 *
 * What differs: any encoder, image size and number of channels; the last layer and the loss are float32 under every precision; schedules
 * move at each step, the teacher's temperature too, which moves at each epoch there. The rate reaches its peak one step later. A ViT's
 * positions are fixed unless `model.positions` is `learned`, and drop path is `model.dropPath`, on the student's side alone.
 *
 * Expected: the official code's losses, gradients, teacher and centre over three optimiser steps, with two crops and with five
 * (test/methods/siamese/dino.test.ts, from test/reference/dino-*.safetensors).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { anyEncoder, type Encoder, type Pool, patchEncoder } from "../../models/encoder.js";
import { drawAnew, type FirstValuesByName, kaimingUniform, truncatedNormal, zero } from "../../nn/init.js";
import type { Module } from "../../nn/module.js";
import { Buffer } from "../../nn/parameter.js";
import { clipEachGradient } from "../../optim/clip.js";
import type { NamedTensor } from "../../optim/optimizer.js";
import { rampAt, rampBetween } from "../../optim/schedule.js";
import { cat } from "../../tensor/creation.js";
import type { Rng } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup, teacherMomentum } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, Method, type Step } from "../method.js";
import { spread, spreadSignal } from "../parts/collapse.js";
import { DinoHead, type DinoHeadShape } from "../parts/dino-head.js";
import { dinoLoss } from "../parts/losses/dino.js";
import { type CropName, checkCrops, cropsOf, dinoCrops, dinoCropsConfig, encodeCrops } from "../parts/multi-crop.js";
import { Teacher } from "../parts/teacher.js";
import { dinoLayout } from "../published/dino.js";

const positive = z.int().positive();

/** Schema of DINO's options (docs/methods/dino.md). */
export const dinoConfig = z.strictObject({
  name: z.literal("dino").default("dino"),
  outputs: positive
    .default(65_536)
    .describe("outputs K of the heads, over which student and teacher have distributions"),
  projector: z
    .strictObject({
      layers: z.int().min(2).default(3).describe("linear layers before the last one"),
      hidden: positive.default(2048).describe("width between the layers"),
      bottleneck: positive.default(256).describe("width of the unit vectors before the last layer"),
      batchNorm: z.boolean().default(false).describe("between the layers; for a ConvNet (official code)"),
      normLastLayer: z
        .boolean()
        .default(true)
        .describe("rows of the last layer keep the length 1: steadier; false is better with a ViT-S (official code)"),
      frozenEpochs: z.number().min(0).default(1).describe("epochs in which the last layer keeps its first values"),
    })
    .prefault({}),
  studentTemperature: z.number().positive().default(0.1),
  teacherTemperature: rampBetween(1e-4, 10)
    .default(0.04)
    .describe("sharpens the teacher; published runs go from 0.04 to 0.07 over the first 30 epochs"),
  centreMomentum: z.number().min(0).max(1).default(0.9).describe("share of itself that the centre keeps at a step"),
  momentum: rampBetween(0, 1)
    .default({ from: 0.996, to: 1, shape: "cosine", over: 1 })
    .describe("share of itself that the teacher keeps at a step; 0.9995 at first with batches of 256 (official code)"),
  clipNorm: z.number().min(0).default(3).describe("largest norm of each tensor's gradient, by itself; 0 leaves them"),
  augmentation: dinoCropsConfig,
});
/** DINO's options with their defaults filled in. */
export type DinoConfig = z.output<typeof dinoConfig>;

/** The head of a configuration. */
export function headShape({ outputs, projector }: Omit<DinoConfig, "name">, inputs: number): DinoHeadShape {
  const { frozenEpochs: _, ...head } = projector;
  return { inputs, outputs, ...head };
}

/** First values of a ViT that are not MAE's (vision_transformer.py): by the end of a parameter's name. */
const firstValues: FirstValuesByName = [
  [/^cls_token$/, truncatedNormal(0.02)],
  [/^patch_embed\.proj\.weight$/, kaimingUniform],
  [/^blocks\.\d+\.(?:attn|mlp)\..*\.weight$/, truncatedNormal(0.02)],
];

/**
 * DINO: a student's distribution over outputs, made of any crop of a picture, must be that of a teacher for another, large one. The
 * teacher is an average of the student, centred and sharpened.
 */
export class Dino extends Method<CropName> {
  readonly projector: Module;
  readonly teacher: Teacher;
  /** What is taken off the teacher's scores: a running mean of them [1 K]. */
  readonly centre: Buffer;
  /** What goes into the projector, and what evaluation sees. */
  override readonly pool: Pool;

  constructor(
    readonly config: Omit<DinoConfig, "name">,
    readonly encoder: Encoder,
    makeEncoder: () => Encoder,
  ) {
    super();
    checkCrops(config.augmentation, encoder);
    this.pool = encoder.pools.includes("class") ? "class" : "mean";
    const makeHead = (): DinoHead => new DinoHead(headShape(config, encoder.width));
    this.projector = makeHead();
    this.teacher = new Teacher(makeEncoder(), makeHead(), this.pool);
    this.centre = new Buffer([1, config.outputs], zero);
  }

  /** The teacher, which is better than its student all along (paper, section 5.1). */
  override get outcome(): Encoder {
    return this.teacher.encoder;
  }

  override initialize(rng: Rng): void {
    super.initialize(rng);
    if (patchEncoder.is(this.encoder)) drawAnew(this.encoder.state(), firstValues, rng.fork("dino"));
  }

  override begin(): void {
    this.teacher.copy(this);
  }

  /** global1, global2, local1, … [B C h w] -> mean of H(P_t(u), P_s(v)) over all u of the large crops and v ≠ u (algorithm 1) */
  protected forward(batch: Batch<CropName>, step: Step): Loss {
    const globals = cropsOf(batch, "global");
    const pictures = globals[0]?.side(0) ?? 0; // B
    const teacher = this.teacher.call(cat(globals, 0)); // [2B K]
    const crops = [...globals, ...cropsOf(batch, "local")];
    const features = encodeCrops(crops, (image) => this.encoder.features(image, this.pool)); // [V·B W]
    return this.compare(features, teacher, pictures, step);
  }

  /** The student's features of every crop [V·B W], the teacher's scores of the large ones [G·B K] -> their loss; moves the centre */
  protected compare(features: Tensor, teacher: Tensor, pictures: number, { progress, world }: Step): Loss {
    const { loss, entropy, divergence, information } = dinoLoss(this.projector.call(features), teacher, {
      centre: this.centre,
      studentTemperature: this.config.studentTemperature,
      teacherTemperature: rampAt(this.config.teacherTemperature, progress),
      pictures,
    });
    const uniformity = noGrad(() => entropy.div(Math.log(this.config.outputs))); // []
    if (this.training) noGrad(() => this.moveCentre(this.centre, world.mean(teacher.mean([0], true))));
    const parts = { entropy, divergence, information, uniformity, spread: spread(features.slice(0, 0, pictures)) };
    return { total: loss, parts };
  }

  /** After its old value has been used. @param mean of the batch [1 K] */
  protected moveCentre(centre: Buffer, mean: Tensor): void {
    const { centreMomentum: kept } = this.config;
    centre.copy_(centre.mul(kept).add(mean.mul(1 - kept)));
  }

  /** Clips every tensor by itself; takes a last layer's gradient away while that is frozen, so that it does not decay either. */
  override beforeUpdate({ epoch }: Step, parameters: readonly NamedTensor[]): Readonly<Record<string, Tensor>> {
    const { clipNorm, projector } = this.config;
    const parts = clipNorm > 0 ? { largestGradient: clipEachGradient(parameters, clipNorm) } : {};
    if (epoch < projector.frozenEpochs)
      for (const { name, tensor } of parameters) if (/projector\.last_layer\./.test(name)) tensor.grad = undefined;
    return parts;
  }

  override afterStep({ progress }: Step): void {
    this.teacher.follow(this, rampAt(this.config.momentum, progress));
  }

  override health(): Health {
    return { loss: "moves", signals };
  }
}

const causes = [
  "The learning rate is too high: try a third of it.",
  "The teacher moves too fast: set method.momentum.from nearer to 1.",
];

/**
 * The loss is entropy and divergence, and falls in a collapse too: its two kinds show in the entropy, and both in a teacher that says
 * nothing of a picture (paper, section 5.3).
 */
const signals: Health["signals"] = [
  {
    name: "uniformity",
    what: "entropy of the teacher over that of a uniform output",
    above: 0.995,
    finding:
      "The teacher's output is nearly uniform, whatever the picture: it has collapsed, or has not begun to learn.",
    causes: [
      "The teacher is not sharp enough: set method.teacherTemperature to 0.04 or lower.",
      "The last layer was not held long enough: set method.projector.frozenEpochs higher.",
      ...causes,
    ],
  },
  {
    name: "information",
    what: "what the teacher tells of a picture, in nats",
    below: 0.02,
    finding: "The teacher says the same of all pictures: one output has taken them all.",
    causes: [
      "The centre does not keep up: set method.centreMomentum to 0.9.",
      ...causes,
      "The views have nothing in common: look at the pictures, and at method.augmentation.",
    ],
  },
  spreadSignal(causes),
];

/** Multiply-adds of the usual head on one vector. */
export function headWork(width: number, outputs: number): number {
  return width * 2048 + 2048 * 2048 + 2048 * 256 + 256 * outputs;
}

/** Numbers are the official code's; for runs and pictures that the paper does not know, what they are scaled by. */
function defaults({
  pictures,
  width,
  multiplyAdds,
  side,
  shorterSide = side,
  device,
  length,
}: DefaultsFacts): MethodDefaults {
  const most = device === "cuda" ? 1024 : 256;
  const batch = 2 ** Math.floor(Math.log2(Math.min(most, Math.max(pictures / 4, Math.min(32, pictures)))));
  const outputs = 2 ** Math.round(Math.log2(Math.min(65_536, Math.max(1024, pictures / 20))));
  const head = headWork(width, outputs) / multiplyAdds;
  const small = 8 * (3 / 7) ** 2; // eight crops of three sevenths of the side
  return {
    choices: [
      {
        key: "method.outputs",
        value: outputs,
        reason: "a twentieth of the pictures, as the paper's 65,536 of ImageNet",
      },
      ...(length === undefined ? [] : [teacherMomentum(length.steps, { momentum: 0.996, steps: 125_000 })]),
      ...(shorterSide < 64
        ? [{ key: "method.augmentation.blur", value: false, reason: "so small pictures are trained without (SimCLR)" }]
        : []),
      { key: "data.batchSize", value: batch, reason: `a quarter of the pictures, at most ${most}` },
      { key: "optim.baseLearningRate", value: 5e-4, reason: "the official code's" },
      { key: "optim.minimumLearningRate", value: 1e-6, reason: "the official code's" },
      { key: "optim.weightDecay", value: 0.04, reason: "the official code's, at first" },
      { key: "optim.finalWeightDecay", value: 0.4, reason: "the official code's, in the end" },
      { key: "optim.betas", value: [0.9, 0.999], shown: "0.9 0.999", reason: "the official code's" },
      ...paperWarmup(length, 10, 100),
    ],
    // Large crops through both, the teacher forward only; small ones through the student.
    cost: 2 + 2 / 3 + small + head * (2 + 2 / 3 + 8),
    memory: 2 + small,
    schedule: { epochs: 800, reason: "the paper's longest schedule" },
  };
}

/** The definition of DINO (Caron et al. 2021): `{ name: "dino" }` in a configuration. */
export const dino = defineMethod({
  name: "dino",
  config: dinoConfig,
  encoders: anyEncoder,
  views: ({ augmentation }, image) => dinoCrops(augmentation, image),
  couplesBatch: () => "its centre is the mean of the whole batch",
  build: (config, makeEncoder) => new Dino(config, makeEncoder(), makeEncoder),
  defaults,
  layouts: [dinoLayout("dino")],
});
