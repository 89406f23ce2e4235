/**
 * Extreme Masking for Learning Instance and Distributed Visual Representations (ExtreMA). Wu, Lai, Sun, Lin; TMLR 2023, arXiv 2206.04667.
 * Official code: microsoft/ExtreMA.
 *
 * BYOL whose augmentation is the mask: of a fifth of the patches the student must predict what a slow teacher makes of the whole picture.
 * Several masks of a picture, which share no patch, share the teacher's one pass. A ViT with class attention (`model.classAttention=2`) keeps
 * what tells pictures apart, its class token, from what tells patches, the others.
 *
 * What differs: any image, patch size and number of masks. A ViT without class attention is trained too; its class token goes through all
 * blocks.
 *
 * Expected: the official code's losses, gradients, teacher and three optimiser steps (test/reference/extrema-*.safetensors).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { ConfigError } from "../../errors.js";
import { type Encoder, type PatchEncoder, type Pool, patchEncoder } from "../../models/encoder.js";
import { blockMultiplyAdds } from "../../models/sizes.js";
import type { Module } from "../../nn/module.js";
import type { NamedTensor } from "../../optim/optimizer.js";
import { rampAt, rampBetween } from "../../optim/schedule.js";
import { cat } from "../../tensor/creation.js";
import { take } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup, rateFor, teacherMomentum } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, Method, type ParameterRule, type Rows, type Step } from "../method.js";
import { dimensions, dimensionsSignal, likeness, likenessSignal, spread, spreadSignal } from "../parts/collapse.js";
import { normedHead } from "../parts/heads.js";
import { meanCosine } from "../parts/losses/cosine.js";
import { infoNce } from "../parts/losses/info-nce.js";
import { checkLeavesOut, checkMaskRatio, keptPatches } from "../parts/masks.js";
import { Teacher } from "../parts/teacher.js";
import { recolouredPair, recolouredPairConfig } from "../parts/view-pair.js";

const positive = z.int().positive();
const between = "expected a number between 0 and 1";

/** Schema of ExtreMA's options (docs/methods/extrema.md). */
export const extremaConfig = z.strictObject({
  name: z.literal("extrema").default("extrema"),
  maskRatio: z.number().gt(0, between).lt(1, between).default(0.8).describe("share of the patches that is hidden"),
  masks: positive.default(5).describe("masks of a picture at a step; 8 at a ratio of 0.9 (official table)"),
  disjoint: z.boolean().default(true).describe("whether a picture's masks show different patches"),
  loss: z
    .enum(["cosine", "infoNce"])
    .default("cosine")
    .describe("distance from the teacher's projection (BYOL), or finding it among the batch"),
  temperature: z.number().positive().default(1).describe("τ of infoNce"),
  momentum: rampBetween(0, 1)
    .default({ from: 0.996, to: 1, shape: "cosine", over: 1 })
    .describe("share of itself that the teacher keeps at a step"),
  hidden: positive.default(4096).describe("width between the layers of projector and predictor"),
  output: positive.default(256).describe("width of projections"),
  augmentation: recolouredPairConfig,
});
/** ExtreMA's options with their defaults filled in. */
export type ExtremaConfig = z.output<typeof extremaConfig>;

type Name = "crop" | "image" | "target";

/** ExtreMA: from each of several small parts of a picture, what a slow teacher makes of all of it. */
export class Extrema extends Method<Name> {
  readonly projector: Module;
  readonly predictor: Module;
  readonly teacher: Teacher;
  /** Class attention makes a class token of the patches: it is what is taught, and judged. */
  override readonly pool: Pool = "class";

  constructor(
    readonly config: ExtremaConfig,
    readonly encoder: PatchEncoder,
    makeEncoder: () => PatchEncoder,
  ) {
    super();
    checkMasks(config, encoder);
    const { hidden, output } = config;
    const makeProjector = (): Module => normedHead([encoder.width, hidden, hidden, output]);
    this.projector = makeProjector();
    this.predictor = normedHead([output, hidden, output]);
    this.teacher = new Teacher(makeEncoder(), makeProjector(), "class");
  }

  /** The teacher: the authors' linear probes are of it. */
  override get outcome(): Encoder {
    return this.teacher.encoder;
  }

  override begin(): void {
    this.teacher.copy(this);
  }

  /** Once a step, before it looks at the pictures, the teacher follows the student (official code). */
  override prepare(whole: Batch<Name>, { progress }: Step): (rows: Rows) => Batch<Name> {
    if (this.training) this.teacher.follow(this, rampAt(this.config.momentum, progress));
    const part = (view: Tensor, { start, end }: Rows): Tensor => view.slice(0, start, end); // [b C H W]
    return (rows) => ({
      crop: part(whole.crop, rows),
      image: part(whole.image, rows),
      target: part(whole.target, rows),
    });
  }

  /** image, target: one crop in two colourings [B C H W] -> (1/M) Σ ‖q̄ᵢ − k̄‖² over the M masks, the mean over pictures */
  protected forward({ image, target }: Batch<Name>, { rng, world }: Step): Loss {
    const { masks, loss, temperature } = this.config;
    const features = this.encodeParts(image, this.visible(rng, image.device)); // [M·B D]
    const projections = this.projector.call(features); // [M·B d]
    const queries = this.predictor.call(projections); // [M·B d]
    const keys = this.teacher.call(target); // [B d]
    const [first, own] = [features, projections].map((rows) => rows.slice(0, 0, image.side(0))) as [Tensor, Tensor]; // of one mask
    const parts = noGrad(() => ({ spread: spread(first), likeness: likeness(own), dimensions: dimensions(own) }));
    if (loss === "cosine")
      return {
        total: meanCosine(queries, keys.repeat([masks, 1]))
          .mul(-2)
          .add(2),
        parts,
      };
    const found = queries.split(image.side(0), 0).map((q) => infoNce(q, keys, { temperature, world }).loss); // M of []
    return { total: found.reduce((sum, each) => sum.add(each)).div(masks), parts };
  }

  /** -> the patches that each mask shows, M of [B K] */
  visible(rng: Step["rng"], device: string): readonly Tensor[] {
    const { masks, disjoint, maskRatio } = this.config;
    const { patches } = this.encoder;
    const kept = keptPatches(patches, maskRatio);
    const order = (purpose: string): Tensor => rng.fork(purpose).uniform([patches], device).argsort(1); // [B N]
    const numbers = Array.from({ length: masks }, (_, i) => i);
    if (!disjoint) return numbers.map((i) => order(`mask/${i}`).slice(1, 0, kept));
    const one = order("mask");
    return numbers.map((i) => one.slice(1, i * kept, (i + 1) * kept));
  }

  /** image [B C H W], the patches of M masks [B K] -> class tokens, mask after mask [M·B D] */
  encodeParts(image: Tensor, visible: readonly Tensor[]): Tensor {
    const { patchEmbed } = this.encoder;
    const tokens = this.encoder.positioned(patchEmbed.call(patchEmbed.unfold(image))); // [B N D], once a picture
    return this.encoder.encode(cat(visible.map((ids) => take(tokens, ids)))).select(1, 0); // [M·B D]
  }

  /** The class token is spared from weight decay (official code). */
  override ruleFor({ name }: NamedTensor): ParameterRule | undefined {
    return name === "encoder.cls_token" ? { decays: false } : undefined;
  }

  override health(): Health {
    return { loss: "moves", signals };
  }
}

/** @throws ConfigError where a mask shows nothing or all, or masks that share no patch need more than there are */
function checkMasks({ masks, maskRatio, disjoint }: ExtremaConfig, encoder: PatchEncoder): void {
  const { patches } = encoder;
  checkLeavesOut(encoder);
  checkMaskRatio(maskRatio, patches);
  const kept = keptPatches(patches, maskRatio);
  if (!disjoint || masks * kept <= patches) return;
  throw new ConfigError({
    problem: `${masks} masks that show ${kept} patches each need ${masks * kept}, a picture has ${patches}.`,
    code: "masks",
    path: "method.masks",
    expected: `at most ${Math.floor(patches / kept)} at this maskRatio`,
    actual: masks,
    remedy: "Take fewer masks, hide more, or set disjoint to false.",
  });
}

const causes = [
  "The teacher moves too fast: set method.momentum.from nearer to 1.",
  "The learning rate is too high: try a third of it, or a longer warm-up.",
];

/**
 * No batch norm keeps projections apart: at first their cosine is 0.8 as it is. Runs that collapsed had 0.996 and more, with two directions
 * left, and one that learned with InfoNCE 0.57 (test/inspect/method-cases.ts).
 */
const signals: Health["signals"] = [spreadSignal(causes), likenessSignal(causes, 0.97), dimensionsSignal(causes)];

/** Numbers are the official code's; for runs and pictures that the paper does not know, what they are scaled by. */
function defaults({ width, depth, patches, multiplyAdds: encoder, length }: DefaultsFacts): MethodDefaults {
  const hidden = Math.min(4096, 4 * width);
  const kept = keptPatches(patches, 0.8);
  const masks = Math.max(1, Math.min(5, Math.floor(patches / Math.max(1, kept))));
  const heads = hidden * (width + 2 * hidden + 2 * 256); // projector and predictor
  const student = masks * (blockMultiplyAdds(kept, width, depth) + heads);
  const teacher = (encoder + hidden * (width + hidden + 256)) / 3; // forward only
  return {
    choices: [
      {
        key: "model.classAttention",
        value: 2,
        reason: "the paper's: its class token takes from patches that do not take from it",
      },
      {
        key: "method.hidden",
        value: hidden,
        reason: hidden === 4096 ? "the paper's" : "four times the encoder's width: the paper's 4096 would dwarf it",
      },
      ...(masks === 5 ? [] : [{ key: "method.masks", value: masks, reason: "as many as share no patch" }]),
      ...(length === undefined ? [] : [teacherMomentum(length.steps, { momentum: 0.996, steps: 187_500 })]),
      rateFor(1.5e-4, length?.batch),
      { key: "optim.weightDecay", value: 0.1, reason: "the paper's" },
      ...paperWarmup(length, 40, 300),
    ],
    cost: (student + teacher) / encoder,
    memory: (masks * kept) / patches,
    patches: `${masks} parts of a fifth; the teacher sees all`,
    schedule: { epochs: 300, reason: "the paper's" },
  };
}

/** The definition of ExtreMA (Wu et al. 2022): `{ name: "extrema" }` in a configuration. */
export const extrema = defineMethod({
  name: "extrema",
  config: extremaConfig,
  encoders: patchEncoder,
  views: ({ augmentation }, image) => recolouredPair(augmentation, image),
  couplesBatch: ({ loss }) => (loss === "infoNce" ? "the other pictures of the batch are its negatives" : undefined),
  build: (config, makeEncoder) => new Extrema(config, makeEncoder(), makeEncoder),
  defaults,
});
