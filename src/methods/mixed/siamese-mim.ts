/**
 * Understanding Masked Image Modeling via Learning Occlusion Invariant Feature. Kong, Zhang; CVPR 2023, arXiv 2208.04164.
 * No official code is public, and of the paper its abstract was at hand; docs/methods/siameseMim.md says what was chosen here.
 *
 * Masked autoencoders as siamese networks: one branch sees the visible patches, the other one the hidden ones or all, and what the two make
 * of the hidden part, or of the picture, shall be alike. Which likeness is meant is an option: of pixels that both decode (`decoded`, of
 * which MAE is the case of an other branch that decodes without an error), of features, of tokens or pictures among others, or BYOL's cosine.
 *
 * Expected: losses, gradients and steps of an independent implementation (test/reference/make_siamese_mim.py); MAE's loss to the bit
 * where the other branch decodes the true pixels (test/methods/mixed/siamese-mim.test.ts).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { type PatchEncoder, patchEncoder } from "../../models/encoder.js";
import { blockMultiplyAdds } from "../../models/sizes.js";
import { Chain, type Module } from "../../nn/module.js";
import { rampAt, rampBetween } from "../../optim/schedule.js";
import { layerNorm, take } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { DefaultsFacts, MethodDefaults } from "../defaults.js";
import type { Health } from "../health.js";
import { decoderConfig, Mae, type MaeConfig, maeConfig, maeDefaults } from "../masked/mae.js";
import { type Batch, defineMethod, type Hiding, type Loss, Method, type Step } from "../method.js";
import { augmentationConfig, maskedView } from "../parts/augmentation.js";
import { spread, spreadSignal } from "../parts/collapse.js";
import { PatchDecoder } from "../parts/filling/patch-decoder.js";
import { mlpHead, normedHead } from "../parts/heads.js";
import { meanCosine } from "../parts/losses/cosine.js";
import { infoNce, marginSignal, patchNce } from "../parts/losses/info-nce.js";
import { checkLeavesOut, checkMaskRatio, drawMask, encodePatches, type Mask, maskOf } from "../parts/masks.js";
import { Teacher } from "../parts/teacher.js";

const positive = z.int().positive();

/** Schema of the options of siamese masked image modelling (docs/methods/siameseMim.md). */
export const siameseMimConfig = z.strictObject({
  name: z.literal("siameseMim").default("siameseMim"),
  maskRatio: maeConfig.shape.maskRatio.describe("share of the patches that is hidden from the first branch"),
  similarity: z
    .enum(["decoded", "features", "tokens", "instances", "cosine"])
    .default("decoded")
    .describe(
      "what of the two branches shall be alike: pixels that they decode, features of hidden patches, these among others (InfoNCE), pictures among others (InfoNCE), or pictures alone (BYOL)",
    ),
  view: z
    .enum(["complement", "full"])
    .optional()
    .describe("what the other branch sees: the hidden patches, or all; absent: the hidden ones for decoded, else all"),
  branch: z
    .enum(["shared", "average"])
    .optional()
    .describe(
      "the other branch's encoder: the same one, or a slow average of it, which decodes with a decoder of its own; absent: the same one for decoded, else an average",
    ),
  anchorWeight: z.number().min(0).default(1).describe("of decoded, λ: of the other branch's error of the true pixels"),
  normalizeTargets: maeConfig.shape.normalizeTargets.describe("of decoded: pixels after normalising each patch"),
  decoder: decoderConfig
    .unwrap()
    .extend({ depth: positive.optional().describe("blocks; absent: 8 of decoded, 2 where features are completed") })
    .prefault({})
    .describe("thrown away after pre-training; cosine has none"),
  distance: z.enum(["squared", "cosine"]).default("squared").describe("of features"),
  negatives: z
    .enum(["picture", "batch"])
    .default("picture")
    .describe("of tokens: among the hidden patches of which pictures each is to be found"),
  temperature: z.number().positive().default(0.2).describe("τ of tokens and instances"),
  hidden: positive.default(1536).describe("width between the layers of projector and predictor"),
  output: positive.default(256).describe("width of projections"),
  momentum: rampBetween(0, 1)
    .default({ from: 0.996, to: 1, shape: "cosine", over: 1 })
    .describe("share of itself that an average keeps at a step"),
  augmentation: augmentationConfig,
});
/** Options of siamese masked image modelling with their defaults filled in. */
export type SiameseMimConfig = z.output<typeof siameseMimConfig>;

/**
 * The mask of the other branch: the hidden patches first and, of the full picture, the visible ones behind them.
 * @returns all of them visible where the view is full
 */
function across({ ids, kept }: Mask, view: SiameseMimConfig["view"]): Mask {
  const patches = ids.side(1);
  return maskOf(ids.roll([-kept], [1]), view === "full" ? patches : patches - kept);
}

/** A slow average of encoder and projector that gives tokens. */
class SlowBranch extends Teacher {
  constructor(
    override readonly encoder: PatchEncoder,
    projector: Module = new Chain<Module>([]),
  ) {
    super(encoder, projector, "mean");
  }

  /** image [B C H W], patches [B K] -> their tokens, class token first [B 1+K D], without a gradient */
  tokens(image: Tensor, ids: Tensor): Tensor {
    return noGrad(() => encodePatches(this.encoder, image, ids)); // [B 1+K D]
  }
}

/** MAE whose targets are what another branch decodes at the hidden patches, held to the true pixels by an anchor. State as MAE's, and what is new. */
export class DecodedMim extends Mae {
  readonly teacher: SlowBranch | null;
  readonly otherDecoder: PatchDecoder | null;

  constructor(
    readonly options: SiameseMimConfig,
    encoder: PatchEncoder,
    makeEncoder: () => PatchEncoder,
  ) {
    const asMae = decodesAs(options);
    super(asMae, encoder);
    const isAverage = options.branch === "average";
    const sizes = { inputs: encoder.width, outputs: this.target.outputs, grid: encoder.grid };
    this.teacher = isAverage ? new SlowBranch(makeEncoder()) : null;
    this.otherDecoder = isAverage ? new PatchDecoder({ ...sizes, ...asMae.decoder }) : null;
  }

  override begin(): void {
    this.teacher?.copy(this.online);
  }

  /** The encoder under the names that its average has. */
  private get online() {
    return { state: () => this.encoder.state("encoder.") };
  }

  /** image [B C H W] -> ‖p_A − sg(p_B)‖² + λ ‖p_B − t‖² over the hidden patches */
  protected override forward({ image }: Batch<"image">, { rng }: Step): Loss {
    const mask = this.draw(rng, image.device);
    const hidden = mask.ids.slice(1, mask.kept); // [B M]
    const targets = take(this.targets(image), hidden); // [B M P]
    const predicted = this.predict(image, mask, hidden); // [B M P]
    const other = this.decodeOther(image, mask).float(); // [B M P]
    const match = this.target.loss(predicted, other.detach()); // []
    const anchor = this.target.loss(other, targets); // []
    const error = noGrad(() => this.target.loss(predicted, targets)); // []
    return { total: match.add(anchor.mul(this.options.anchorWeight)), parts: { match, anchor, error } };
  }

  /** image [B C H W] -> what the other branch decodes at the hidden patches [B M P] */
  protected decodeOther(image: Tensor, mask: Mask): Tensor {
    const other = across(mask, this.options.view ?? "complement");
    const seen = other.ids.slice(1, 0, other.kept); // [B L]
    const latent = this.teacher?.tokens(image, seen) ?? encodePatches(this.encoder, image, seen); // [B 1+L D]
    return (this.otherDecoder ?? this.decoder).call(latent, other, mask.ids.slice(1, mask.kept)); // [B M P]
  }

  override afterStep({ progress }: Step): void {
    this.teacher?.follow(this.online, rampAt(this.options.momentum, progress));
  }

  /** A loss of zero is also that of branches that agree on anything; how far the pixels are off tells. */
  override health(): Health {
    const above = super.health().trivial ?? 1;
    const causes = [
      "Nothing holds the other branch to the pixels: set method.anchorWeight to 1.",
      "The learning rate is too high: try a third of it, or a longer warm-up.",
    ];
    const finding = "What is decoded from the visible patches is no nearer to the hidden pixels than their mean.";
    return { loss: "moves", signals: [{ name: "error", what: "error of the hidden pixels", above, finding, causes }] };
  }
}

/** What it shares with MAE. */
function decodesAs({ maskRatio, normalizeTargets, decoder, augmentation }: SiameseMimConfig): MaeConfig {
  return maeConfig.parse({ maskRatio, normalizeTargets, decoder, augmentation });
}

type Latent = Exclude<SiameseMimConfig["similarity"], "decoded">;

/** What is compared of two branches without pixels, and by which heads and which loss. */
interface Similarity {
  /** Features of single hidden patches, or of pictures. */
  readonly of: "patches" | "pictures";
  /** Whether a decoder completes the visible tokens to those of all patches. */
  readonly completes: boolean;
  projector(config: SiameseMimConfig, width: number): Module;
  predictor(config: SiameseMimConfig): Module;
  /** queries and keys, [B M d] of patches or [B d] of pictures; keys are constants */
  loss(queries: Tensor, keys: Tensor, config: SiameseMimConfig, step: Step): Loss;
}

const nothing = (): Module => new Chain<Module>([]);
const twoLayers = { layers: 2, lastNorm: false } as const;
/** Between a projector's two layers as CMAE's. */
const batchNormed = { ...twoLayers, batchNorm: true, epsilon: 1e-6 } as const;

const similarities: Readonly<Record<Latent, Similarity>> = {
  features: {
    of: "patches",
    completes: true,
    projector: nothing,
    predictor: nothing,
    loss: (queries, keys, { distance }) => ({
      total:
        distance === "cosine"
          ? fromCosine(queries.flatten(0, 1), keys.flatten(0, 1))
          : queries.float().sub(keys).pow(2).mean(),
    }),
  },
  tokens: {
    of: "patches",
    completes: true,
    projector: ({ hidden, output }, inputs) =>
      mlpHead({ ...twoLayers, inputs, hidden, output, batchNorm: false, bias: "every" }),
    predictor: nothing,
    loss: (queries, keys, { negatives, temperature }, { world }) =>
      asLoss(
        negatives === "picture"
          ? patchNce(queries, keys, temperature)
          : infoNce(queries.flatten(0, 1), keys.flatten(0, 1), { temperature, world }),
      ),
  },
  instances: {
    of: "pictures",
    completes: true,
    projector: ({ hidden, output }, inputs) => mlpHead({ ...batchNormed, inputs, hidden, output }),
    predictor: ({ hidden, output }) => mlpHead({ ...batchNormed, inputs: output, hidden, output }),
    loss: (queries, keys, { temperature }, { world }) => asLoss(infoNce(queries, keys, { temperature, world })),
  },
  cosine: {
    of: "pictures",
    completes: false,
    projector: ({ hidden, output }, inputs) => normedHead([inputs, hidden, hidden, output]),
    predictor: ({ hidden, output }) => normedHead([output, hidden, output]),
    loss: (queries, keys) => ({ total: fromCosine(queries, keys) }),
  },
};

/** rows [n d] -> 2 − 2 cos, the mean over them [] */
function fromCosine(queries: Tensor, keys: Tensor): Tensor {
  return meanCosine(queries, keys).mul(-2).add(2);
}

function asLoss({ loss, positive, negative, accuracy }: ReturnType<typeof infoNce>): Loss {
  const margin = noGrad(() => positive.sub(negative)); // []
  return { total: loss, parts: { margin, positive, negative, accuracy } };
}

/** What the encoder makes of the visible patches shall be like what the other branch makes of the rest, as features. */
export class LatentMim extends Method<"image"> {
  /** Completes the visible tokens, as wide as the encoder's. */
  readonly decoder: PatchDecoder | null;
  readonly projector: Module;
  readonly predictor: Module;
  readonly teacher: SlowBranch | null;
  readonly #similarity: Similarity;

  constructor(
    readonly config: SiameseMimConfig & { readonly similarity: Latent },
    readonly encoder: PatchEncoder,
    makeEncoder: () => PatchEncoder,
  ) {
    super();
    checkMaskRatio(config.maskRatio, encoder.patches);
    checkLeavesOut(encoder);
    const { width, grid } = encoder;
    const similarity = similarities[config.similarity];
    const sizes = { ...config.decoder, depth: config.decoder.depth ?? 2 };
    this.#similarity = similarity;
    this.decoder = similarity.completes ? new PatchDecoder({ inputs: width, outputs: width, grid, ...sizes }) : null;
    this.projector = similarity.projector(config, width);
    this.predictor = similarity.predictor(config);
    this.teacher =
      config.branch === "shared" ? null : new SlowBranch(makeEncoder(), similarity.projector(config, width));
  }

  override begin(): void {
    this.teacher?.copy(this);
  }

  /** image [B C H W] -> the distance of the branches */
  protected forward({ image }: Batch<"image">, step: Step): Loss {
    const { maskRatio } = this.config;
    const mask = drawMask("random", maskRatio, this.encoder.grid, step.rng.fork("mask"), image.device);
    const latent = encodePatches(this.encoder, image, mask.ids.slice(1, 0, mask.kept)); // [B 1+K D]
    const queries = this.predictor.call(this.projector.call(this.own(latent, mask))); // [B M d] or [B d]
    const keys = noGrad(() => (this.teacher ?? this).projector.call(this.wanted(image, mask))); // [B M d] or [B d]
    const { total, parts } = this.#similarity.loss(queries, keys, this.config, step);
    return { total, parts: { ...parts, spread: spread(latent.slice(1, 1).mean([1])) } };
  }

  /** latent of the visible patches [B 1+K D] -> features of the hidden ones [B M D], or of the picture [B D] */
  private own(latent: Tensor, mask: Mask): Tensor {
    if (this.#similarity.of === "patches")
      return this.decoder?.call(latent, mask, mask.ids.slice(1, mask.kept)) ?? latent;
    const tokens = this.decoder?.call(latent, mask) ?? latent.slice(1, 1); // [B N D], not completed [B K D]
    return tokens.mean([1]); // [B D]
  }

  /** image [B C H W] -> what the other branch makes of the hidden patches, each normalised [B M D], or of the picture [B D] */
  wanted(image: Tensor, mask: Mask): Tensor {
    const { ids, kept } = across(mask, this.config.view ?? "full");
    const seen = ids.slice(1, 0, kept); // [B L]
    const tokens = (this.teacher?.tokens(image, seen) ?? encodePatches(this.encoder, image, seen)).slice(1, 1); // [B L D]
    if (this.#similarity.of === "pictures") return tokens.mean([1]); // [B D]
    const hidden = tokens.slice(1, 0, ids.side(1) - mask.kept).float(); // [B M D]
    return layerNorm(hidden, [this.encoder.width], null, null, 1e-6); // [B M D]
  }

  override afterStep({ progress }: Step): void {
    this.teacher?.follow(this, rampAt(this.config.momentum, progress));
  }

  override hiding(): Hiding {
    const { grid, patchSize: cell } = this.encoder;
    return { share: this.config.maskRatio, grid, cell };
  }

  override health(): Health {
    const causes = [
      "The average moves too fast: set method.momentum.from nearer to 1, or method.branch to average.",
      "The learning rate is too high: try a third of it, or a longer warm-up.",
    ];
    const margin = marginSignal("Nothing is found among others: a query is no nearer to its own key.", causes);
    const contrasts = ["tokens", "instances"].includes(this.config.similarity);
    return { loss: "moves", signals: [spreadSignal(causes), ...(contrasts ? [margin] : [])] };
  }
}

/** Decoder and rate are MAE's; the hidden patches go through encoder and decoder too. */
function defaults(facts: DefaultsFacts): MethodDefaults {
  const { width, depth, patches, multiplyAdds } = facts;
  const { cost, memory = cost, schedule: _, ...mae } = maeDefaults(facts);
  const decoder = mae.choices.find(({ key }) => key === "method.decoder")?.value as { width: number; depth: number };
  const [all, seen] = [1 + patches, 1 + 0.75 * patches];
  const other = blockMultiplyAdds(seen, width, depth) + blockMultiplyAdds(all, decoder.width, decoder.depth);
  const kept = (seen * width * depth + all * decoder.width * decoder.depth) / (all * width * depth);
  return {
    ...mae,
    cost: cost + other / multiplyAdds,
    memory: memory + kept,
    patches: "three of four hidden in one branch, one of four in the other",
    schedule: { epochs: 300, reason: "a MAE of this length costs as much as 600 epochs; the paper's is not known" },
  };
}

/** What stops a batch from being cut, by what is compared. */
function couples({ similarity, negatives }: SiameseMimConfig): string | undefined {
  if (similarity === "instances")
    return "the other pictures of the batch are its negatives, and its heads normalise over the batch";
  const isWide = similarity === "tokens" && negatives === "batch";
  return isWide ? "patches of the other pictures of the batch are its negatives" : undefined;
}

/** The definition of siamese masked image modelling (Kong and Zhang 2023): `{ name: "siameseMim" }` in a configuration. */
export const siameseMim = defineMethod({
  name: "siameseMim",
  config: siameseMimConfig,
  encoders: patchEncoder,
  views: ({ augmentation }, image) => maskedView(augmentation, image),
  couplesBatch: couples,
  build: (config, makeEncoder): Method<"image"> => {
    const { similarity } = config;
    return similarity === "decoded"
      ? new DecodedMim(config, makeEncoder(), makeEncoder)
      : new LatentMim({ ...config, similarity }, makeEncoder(), makeEncoder);
  },
  defaults,
});
