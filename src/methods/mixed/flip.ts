/**
 * Scaling Language-Image Pre-training via Masking (FLIP). Li, Fan, Hu, Feichtenhofer, He; CVPR 2023, arXiv 2212.00794. Official code:
 * facebookresearch/flip (JAX), which was read and not run.
 *
 * CLIP with half of the patches of a picture left out: a picture and its caption find each other among those of the batch. It learns from
 * texts: its numbers do not belong into a table of methods that learn from pictures alone.
 *
 * What differs: GELU by the error function, where JAX has its tanh approximation; q, k and v begin as one matrix, at the same bound. No
 * masks on texts.
 *
 * Expected: losses, gradients and three optimiser steps of an independent implementation in PyTorch (test/reference/flip-*.safetensors).
 */
import { z } from "zod";
import { type PatchEncoder, type Pool, patchEncoder } from "../../models/encoder.js";
import { blockMultiplyAdds } from "../../models/sizes.js";
import { Linear } from "../../nn/linear.js";
import { Parameter } from "../../nn/module.js";
import type { NamedTensor } from "../../optim/optimizer.js";
import { full } from "../../tensor/creation.js";
import { take } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup, rateFor } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, Method, type ParameterRule, type Step } from "../method.js";
import { maskedView } from "../parts/augmentation.js";
import { marginSignal, negativeSignal, pairNce } from "../parts/losses/info-nce.js";
import { checkLeavesOut, checkMaskRatio, drawMask } from "../parts/masks.js";
import { TextTower, textConfig } from "../text/tower.js";
import { readVocabulary, vocabularyOf, wordPiece } from "../text/word-piece.js";

const positive = z.int().positive();

/** Schema of FLIP's options (docs/methods/flip.md). */
export const flipConfig = z.strictObject({
  name: z.literal("flip").default("flip"),
  maskRatio: z
    .number()
    .min(0)
    .lt(1)
    .default(0.5)
    .describe("share of the patches that is left out in training (table 1a); 0: unmasked tuning, or CLIP"),
  output: positive
    .default(512)
    .describe("dimensions of the space of pictures and texts; 768 for ViT-L, 1024 for ViT-H"),
  temperature: z.number().positive().default(0.07).describe("τ at first; it is learned"),
  text: textConfig,
});
/** FLIP's options with their defaults filled in. */
export type FlipConfig = z.output<typeof flipConfig>;

/** BERT's uncased vocabulary, which the paper takes; the size at most of one that is made of captions. */
const usualPieces = 30_522;
/** 1 / τ at most. */
const steepest = Math.log(100);

type Name = "image" | "text";

/** A picture without half of its patches and its caption must find each other in the batch. */
export class Flip extends Method<Name> {
  readonly text: TextTower;
  readonly imageProjection: Linear;
  readonly textProjection: Linear;
  readonly logitScale: Parameter; // []
  override readonly pool: Pool = "mean";
  #isJudged = false;

  constructor(
    readonly config: FlipConfig,
    readonly encoder: PatchEncoder,
  ) {
    super();
    const { maskRatio, output, temperature, text } = config;
    if (maskRatio > 0) {
      checkLeavesOut(encoder);
      checkMaskRatio(maskRatio, encoder.patches);
    }
    this.text = new TextTower(text, piecesOf(text.vocabulary)?.length ?? usualPieces);
    this.imageProjection = new Linear(encoder.width, output, { bias: false });
    this.textProjection = new Linear(text.width, output, { bias: false });
    this.logitScale = new Parameter([], (shape) => full(shape, Math.log(1 / temperature)));
  }

  override setTraining(on: boolean): void {
    super.setTraining(on);
    this.#isJudged = !on;
  }

  /** image [B C H W], text [B T] -> the mean of both directions' cross-entropies */
  protected forward({ image, text }: Batch<Name>, { rng, world }: Step): Loss {
    const { grid } = this.encoder;
    const { maskRatio } = this.config;
    const isMasked = !this.#isJudged && maskRatio > 0;
    const mask = isMasked ? drawMask("random", maskRatio, grid, rng.fork("mask"), image.device) : undefined;
    const images = this.encodeImage(image, mask?.ids.slice(1, 0, mask.kept)); // [B D]
    const scale = this.logitScale.clamp(0, steepest).exp(); // []
    const { loss: total, ...parts } = pairNce(images, this.embedText(text), scale, world);
    const margin = parts.positive.sub(parts.negative); // []
    return { total, parts: { margin, ...parts, scale: scale.detach() } };
  }

  /** image [B C H W] and which patches of it are seen [B K], all if absent -> unit vectors [B D] */
  encodeImage(image: Tensor, visible?: Tensor): Tensor {
    const { encoder } = this;
    const patches = encoder.patchEmbed.unfold(image); // [B N C·p·q]
    const tokens =
      visible === undefined
        ? encoder.positioned(encoder.patchEmbed.call(patches)) // [B N W]
        : encoder.positionedSome(encoder.patchEmbed.call(take(patches, visible)), visible); // [B K W]
    return unit(this.imageProjection.call(encoder.encode(tokens).mean([1])));
  }

  override embedImage(image: Tensor): Tensor {
    return this.encodeImage(image); // [B D]
  }

  override embedText(text: Tensor): Tensor {
    return unit(this.textProjection.call(this.text.call(text))); // [B D]
  }

  /** Positions, biases and norms are not decayed; the class token and the temperature are (opt_util.py). */
  override ruleFor({ name, tensor }: NamedTensor): ParameterRule {
    const isSpared = /(^|\.)(pos_embed|bias)$/.test(name) || (tensor.rank === 1 && name.endsWith(".weight"));
    return { decays: !isSpared };
  }

  override health(): Health {
    const causes = [
      "Captions may not belong to their pictures: look at some pairs.",
      "The learning rate is too high: try a third of it.",
      "Many captions are alike: then pairs cannot be told apart.",
    ];
    const finding = "A picture is no nearer to its own caption than to others.";
    return { loss: "moves", signals: [marginSignal(finding, causes), negativeSignal(causes)] };
  }
}

/** x [B D] -> rows of length one, by the official code's ε */
function unit(x: Tensor): Tensor {
  const rows = x.float();
  return rows.div(rows.pow(2).sum([-1], true).sqrt().add(1e-8));
}

/** Undefined where nothing is said: captions decide when the run begins. */
function piecesOf(vocabulary: FlipConfig["text"]["vocabulary"]): readonly string[] | undefined {
  return typeof vocabulary === "string" ? readVocabulary(vocabulary) : vocabulary;
}

/** Numbers are the paper's (table 10) but for the rate, which is made for 65,536 pairs at a step. */
function defaults({ pictures, width, depth, patches, multiplyAdds, device, length }: DefaultsFacts): MethodDefaults {
  const text = { width: Math.min(512, Math.max(64, Math.floor(width / 64) * 64)), depth: Math.min(12, depth) };
  const heads = text.width / 64;
  const seen = 1 + Math.trunc(patches / 2);
  const tokens = 32;
  const work = blockMultiplyAdds(seen, width, depth) + blockMultiplyAdds(tokens, text.width, text.depth);
  const most = device === "cuda" ? 1024 : 256;
  const fitting = Math.min(most, Math.max(pictures / 8, Math.min(32, pictures)));
  return {
    choices: [
      {
        key: "method.text",
        value: { ...text, heads },
        shown: `${text.width} × ${text.depth}, ${heads} heads`,
        reason: "no wider than the encoder; captions make its vocabulary",
      },
      { key: "method.output", value: text.width, reason: "as wide as the text tower" },
      {
        key: "data.batchSize",
        value: 2 ** Math.floor(Math.log2(fitting)),
        reason: `the other pairs of the batch are what a pair is told from: an eighth of all, at most ${most}`,
      },
      rateFor(5e-4, length?.batch, "CLIP's at the peak; FLIP's 4e-6 for 256 is made for batches of 65,536"),
      { key: "optim.weightDecay", value: 0.2, reason: "the paper's" },
      ...paperWarmup(length, 40, 10_000),
    ],
    cost: work / multiplyAdds,
    memory: (seen * width * depth + tokens * text.width * text.depth) / ((1 + patches) * width * depth),
    patches: "one of two left out",
    schedule: { epochs: 32, reason: "the paper's: 32 times through 400 million pairs" },
  };
}

/** The definition of FLIP (Li et al. 2023): `{ name: "flip" }` in a configuration. */
export const flip = defineMethod({
  name: "flip",
  config: flipConfig,
  encoders: patchEncoder,
  columns: ["text"],
  onlyComplete: true,
  views: (_, image) => maskedView("randomCrop", image, [0.5, 1]),
  readText: ({ text: { vocabulary, length } }) => wordPiece(piecesOf(vocabulary) ?? vocabularyOf([], 2), length),
  settle: (config, { captions = [] }) => {
    const vocabulary = [...(piecesOf(config.text.vocabulary) ?? vocabularyOf(captions, usualPieces))];
    return { ...config, text: { ...config.text, vocabulary } };
  },
  couplesBatch: () => "the other pairs of the batch are what a pair is told from",
  build: (config, makeEncoder) => new Flip(config, makeEncoder()),
  defaults,
});
