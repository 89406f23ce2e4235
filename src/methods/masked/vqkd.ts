/**
 * VQ-KD: the tokenizer of BEiT v2, learned by rebuilding what a frozen teacher makes of each patch. "BEiT v2: Masked Image Modeling with
 * Vector-Quantized Visual Tokenizers", Peng, Dong, Bao, Ye, Wei; arXiv 2208.06366, section 2.1. Official code: microsoft/unilm, beit2.
 *
 * What differs: any encoder of the list that was trained before as the teacher, or one of random weights, on pictures normalised as the
 * run's; the statistic of use is not set back at each epoch, and evaluation does not touch it; dead codes can be revived; tokens are drawn
 * as the mean of their patches; the first codes come of the first pictures, before the first step.
 *
 * Expected: the official code's loss, gradients, codebook and three optimiser steps (test/reference/vqkd-*.safetensors).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { ConfigError } from "../../errors.js";
import { type Encoder, type FeatureMap, type PatchEncoder, patchEncoder } from "../../models/encoder.js";
import { buildEncoder, modelConfig } from "../../models/index.js";
import { Vit, vitConfig } from "../../models/vit.js";
import { depthScaled, drawAnew, type FirstValuesByName, kaimingUniform, truncatedNormal } from "../../nn/init.js";
import type { Chain, Module } from "../../nn/module.js";
import { patchify } from "../../nn/patches.js";
import type { NamedTensor } from "../../optim/optimizer.js";
import { zeros } from "../../tensor/creation.js";
import type { Rng } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup, rateFor } from "../defaults.js";
import type { Health } from "../health.js";
import {
  type Batch,
  type Borrowed,
  defineMethod,
  type Fit,
  type Loss,
  Method,
  type ParameterRule,
  type Reconstruction,
  type Step,
} from "../method.js";
import { augmentationConfig, maskedView } from "../parts/augmentation.js";
import { meanCosine } from "../parts/losses/cosine.js";
import { borrowedFields, resolveBorrowed } from "../parts/tokenizers/borrowed.js";
import { perplexity } from "../parts/tokenizers/gumbel.js";
import type { CosineQuantizer } from "../parts/tokenizers/quantizer.js";
import { picturesOf, taskLayer, vectorsOf, vqNote, vqParts } from "../parts/tokenizers/vq-parts.js";
import { vqkdLayout } from "../published/vqkd.js";

const positive = z.int().positive();

const teacherConfig = z.discriminatedUnion("name", [
  z
    .strictObject({ name: z.literal("random") })
    .describe(
      "an encoder as the run's own with other random weights: what a tokenizer is without a teacher that learned",
    ),
  z
    .strictObject({
      name: z.literal("run"),
      ...borrowedFields("a run or a checkpoint, anybody's: its encoder must have a place for each of the patches"),
    })
    .describe("an encoder that was trained before"),
  z
    .strictObject({ name: z.literal("none"), width: positive.describe("numbers of the features that are rebuilt") })
    .describe("of a tokenizer that somebody else trained: it gives tokens, and is not trained on"),
]);

/** Schema of VQ-KD's options (docs/methods/vqkd.md). */
export const vqkdConfig = z.strictObject({
  name: z.literal("vqkd").default("vqkd"),
  teacher: teacherConfig.default({ name: "random" }).describe("whose features are rebuilt"),
  vocabulary: z.int().min(2).max(65_536).default(8192).describe("codes in the codebook, the tokens"),
  codeWidth: positive.default(32).describe("numbers of a code: few, so that more of the codes are used"),
  decoder: z
    .strictObject({
      depth: positive.default(3).describe("blocks; more rebuild better and leave more codes unused (table 5)"),
      width: positive.optional().describe("token width; the encoder's if absent"),
      heads: positive.optional().describe("attention heads; the encoder's if absent"),
    })
    .prefault({}),
  momentum: z.number().min(0).lt(1).default(0.99).describe("share of itself that a code keeps at a step"),
  firstCodes: z
    .enum(["kMeans", "random"])
    .default("kMeans")
    .describe("spherical k-means of the first pictures' vectors, or random directions"),
  revival: z
    .strictObject({
      every: positive.default(20).describe("steps from one revival to the next"),
      below: z
        .number()
        .positive()
        .max(1)
        .default(0.01)
        .describe("a code with a smaller share of the mean code's vectors is dead"),
    })
    .optional()
    .describe("dead codes are put on vectors of the batch; absent: they stay, as in the official code"),
  augmentation: augmentationConfig,
});
/** VQ-KD's options with their defaults filled in. */
export type VqkdConfig = z.output<typeof vqkdConfig>;

/** As PyTorch cuts at ± 2: nothing (official `_init_weights` of modeling_finetune.py). */
const weights = truncatedNormal(0.02);

const firstValues: FirstValuesByName = [
  [/blocks\.\d+\.(?:attn\.proj|mlp\.fc2)\.weight$/, depthScaled(weights)],
  [/patch_embed\.proj\.weight$/, kaimingUniform],
  [/(?:\.(?:qkv|fc1)\.weight|cls_token|pos_embed)$/, weights],
];

/** VQ-KD: an encoder whose vectors become codes of a codebook, from which a shallow decoder rebuilds a teacher's features. */
export class Vqkd extends Method<"image"> {
  readonly encodeTaskLayer: Chain<Module>;
  readonly quantize: CosineQuantizer;
  readonly decoder: Vit;
  readonly decodeTaskLayer: Chain<Module>;
  readonly teacher: Encoder | null;

  /** @throws ConfigError where the teacher has other places than the encoder has patches; it is closed then */
  constructor(
    readonly config: VqkdConfig,
    readonly encoder: PatchEncoder,
    teacher: Encoder | null,
  ) {
    super();
    if (teacher !== null) checkTeacher(teacher, encoder);
    this.teacher = teacher;
    for (const value of teacher?.state().values() ?? []) value.setRequiresGrad(false);
    const { encodeTaskLayer, quantize } = vqParts(config, encoder);
    this.encodeTaskLayer = encodeTaskLayer;
    this.quantize = quantize;
    this.decoder = decoderFor(config, encoder);
    this.decodeTaskLayer = taskLayer(this.decoder.width, featuresOf(config, teacher));
  }

  override borrowed(): readonly Borrowed[] {
    const { teacher } = this.config;
    if (teacher.name !== "run" || this.teacher === null) return [];
    return [{ run: teacher.run, hash: teacher.hash, state: this.teacher.state("encoder.") }];
  }

  /** First values as the official code draws them. */
  override initialize(rng: Rng): void {
    super.initialize(rng);
    for (const part of ["encoder", "decoder"] as const)
      drawAnew(this[part].state(`${part}.`), firstValues, rng.fork("vqkd"));
  }

  /** A teacher stays as it is. */
  override setTraining(on: boolean): void {
    super.setTraining(on);
    this.teacher?.setTraining(false);
  }

  /** image [B C H W] -> 1 − the cosine of what is rebuilt and the teacher's features, and how far vectors are from their codes */
  protected forward({ image }: Batch<"image">, step: Step): Loss {
    const { patchSize } = this.encoder;
    const patches = patchify(image, patchSize, "channelsLast"); // [B N P]
    const { quantized, tokens, loss, revived } = this.quantize.call(vectorsOf(this, image), patches, step); // [B N C]
    const cosine = meanCosine(this.decode(quantized).flatten(0, 1), this.target(image).flatten(0, 1)); // []
    const distance = cosine.rsub(1); // []
    const codes = perplexity(tokens, this.config.vocabulary); // []
    const parts = { distance, commitment: loss, codes, used: this.quantize.used() };
    return { total: distance.add(loss), parts: { ...parts, ...(revived && { revived }) } };
  }

  /** codes [B N C] -> the features that they stand for [B N T] */
  decode(codes: Tensor): Tensor {
    const { decoder } = this;
    const embedded = decoder.positioned(decoder.patchEmbed.call(codes)); // [B N D]
    return this.decodeTaskLayer.call(decoder.encode(embedded).slice(1, 1)); // [B N T]
  }

  /** image [B C H W] -> the teacher's features of each patch [B N T] @throws ConfigError without one */
  target(image: Tensor): Tensor {
    const { teacher } = this;
    if (teacher === null) throw noTeacher();
    return noGrad(() => {
      const last = teacher.stages(image).at(-1) as FeatureMap; // [B T h w]
      return last.map.flatten(2).transpose(1, 2); // [B N T]
    });
  }

  /** image [B C H W] -> the token of each patch, row by row [B N] int64 */
  tokens(image: Tensor): Tensor {
    return this.quantize.tokens(vectorsOf(this, image));
  }

  /** tokens [B N] int64 -> the picture of the mean patch of each [B C H W] */
  pictures(tokens: Tensor): Tensor {
    return picturesOf(this, tokens);
  }

  /** Half as many vectors again as codes, of 64 pictures at least: the official first batch. */
  override fit(): Fit | undefined {
    const { vocabulary, firstCodes } = this.config;
    if (firstCodes === "random") return undefined;
    return {
      view: "image",
      pictures: Math.max(64, Math.ceil((1.5 * vocabulary) / this.encoder.patches)),
      run: (images, rng) => this.quantize.begin(vectorsOf(this, images).flatten(0, 1), rng),
    };
  }

  /** Class tokens and positions take no decay (official `no_weight_decay`). */
  override ruleFor({ name }: NamedTensor): ParameterRule | undefined {
    return /(?:cls_token|pos_embed)$/.test(name) ? { decays: false } : undefined;
  }

  /** Every patch as the mean patch of its token; nothing is hidden. */
  override reconstruct(image: Tensor): Reconstruction {
    const tokens = this.tokens(image); // [B N]
    const predicted = this.pictures(tokens); // [B C H W]
    return { masked: image, rebuilt: predicted, predicted, mask: zeros(tokens.shape, { device: image.device }) };
  }

  override pictureNote(): string {
    return vqNote(this.config.vocabulary);
  }

  override health(): Health {
    const causes = [
      "Dead codes that nothing revives: method.revival.every=20.",
      "Codes that are too wide or too many: method.codeWidth 32 or less, method.vocabulary smaller.",
      "The rate is too high: optim.baseLearningRate a third as large.",
    ];
    return {
      loss: "falls",
      signals: [
        {
          name: "codes",
          what: "tokens that a batch uses (perplexity)",
          below: 2,
          finding: "All patches get the same token.",
          causes,
        },
        {
          name: "used",
          what: "share of the codebook that is in use",
          below: 0.05,
          finding: "Nineteen of twenty codes are not used.",
          causes,
        },
      ],
    };
  }
}

/** A ViT on the map of codes, one code a patch; heads as many as the encoder's where its width is. */
function decoderFor({ decoder, codeWidth }: VqkdConfig, { width: own, heads, grid }: PatchEncoder): Vit {
  const { depth, width = own } = decoder;
  const config = vitConfig.parse({
    ...{ width, depth, heads: decoder.heads ?? heads ?? Math.max(1, Math.round(width / 64)) },
    ...{ patchSize: 1, positions: "learned", keyBias: false },
  });
  return new Vit(config, { imageSize: grid, channels: codeWidth });
}

/** How many numbers the features have that are rebuilt. */
function featuresOf({ teacher }: VqkdConfig, made: Encoder | null): number {
  return made?.width ?? (teacher.name === "none" ? teacher.width : 0);
}

function noTeacher(): ConfigError {
  return new ConfigError({
    problem: "a tokenizer without a teacher is not trained on.",
    code: "teacher",
    path: "method.teacher",
    expected: "a run, or random weights",
    actual: "none",
    remedy: "Name a run: --method.teacher.name=run --method.teacher.run=<run>.",
  });
}

function checkTeacher(teacher: Encoder, { patchSize, imageSize }: PatchEncoder): void {
  const { stride } = teacher;
  if (String(stride) === String(patchSize) && teacher.accepts(imageSize)) return;
  teacher.close();
  throw new ConfigError({
    problem: `the teacher has a place for every ${stride.join(" × ")} pixels, a patch has ${patchSize.join(" × ")}.`,
    code: "patch",
    path: "method.teacher.run",
    expected: patchSize,
    actual: stride,
    remedy: "Give model.patchSize the teacher's stride.",
  });
}

function build(config: VqkdConfig, makeEncoder: () => PatchEncoder): Vqkd {
  const encoder = makeEncoder();
  const { imageSize, channels } = encoder;
  const { teacher } = config;
  if (teacher.name === "none") return new Vqkd(config, encoder, null);
  if (teacher.name === "random") return new Vqkd(config, encoder, makeEncoder());
  return new Vqkd(config, encoder, buildEncoder(modelConfig.parse(teacher.model), { imageSize, channels }));
}

/** The official run (README, section VQ-KD): 2e-4 for 512 pictures, 100 epochs. */
function defaults({ pictures, patches, shorterSide, side, length, depth }: DefaultsFacts): MethodDefaults {
  const vocabulary = Math.min(8192, Math.max(64, 2 ** Math.floor(Math.log2((pictures * patches) / 64))));
  const blocks = Math.max(1, Math.round(depth / 4));
  return {
    choices: [
      {
        key: "method.teacher",
        value: { name: "random" },
        shown: "random weights",
        reason: "no other is known: better name a run, --method.teacher.name=run --method.teacher.run=<run>",
      },
      {
        key: "method.vocabulary",
        value: vocabulary,
        reason: vocabulary === 8192 ? "the paper's" : "each stands for some 64 patches or more",
      },
      { key: "method.decoder.depth", value: blocks, reason: "a quarter of the encoder's, as the paper's 3 of 12" },
      rateFor(1e-4, length?.batch, "the official code's 2e-4 for 512 pictures"),
      { key: "optim.betas", value: [0.9, 0.99], shown: "0.9 0.99", reason: "the official code's" },
      { key: "optim.weightDecay", value: 1e-4, reason: "the official code's" },
      ...paperWarmup(length, 10, 100),
    ],
    settings: { "method.augmentation": (shorterSide ?? side) < 64 ? "fixedCrop" : "randomCrop" },
    cost: 4 / 3 + blocks / depth,
    memory: 1 + blocks / depth,
    patches: "none hidden",
    schedule: { epochs: 100, reason: "the paper's" },
  };
}

/** The definition of VQ-KD (Peng et al. 2022): `{ name: "vqkd" }` in a configuration. */
export const vqkd = defineMethod({
  name: "vqkd",
  config: vqkdConfig,
  encoders: patchEncoder,
  defaults,
  views: ({ augmentation }, image) => maskedView(augmentation, image, [0.08, 1]),
  resolve: (config, read) =>
    config.teacher.name === "run"
      ? { ...config, teacher: resolveBorrowed(config.teacher, read, "method.teacher") }
      : config,
  couplesBatch: () => "its codes move towards the means of the whole batch",
  layouts: [vqkdLayout("vqkd")],
  build,
});
