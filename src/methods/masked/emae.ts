/**
 * Efficient Masked Autoencoders with Self-Consistency. Li, Zhu, Chen, Li, Zhao, Zhao, Tang, Wang; TPAMI 2024,
 * arXiv 2302.14431. There is no official code; what the abstracts leave open follows a public re-implementation, and
 * docs/methods/emae.md says which choice is whose.
 *
 * MAE on K parts of each picture at once. One random order of the patches is cut into K pieces; each part shows one piece
 * and hides the others, so every patch is seen once and predicted K - 1 times, and those predictions shall agree. Encoder,
 * decoder, targets and the names in a checkpoint are MAE's.
 *
 * What differs: max and min, or sorted values, in place of all pairs of parts: the same loss with K - 1 predictions in
 * memory instead of (K - 1)²; holes are filled with MAE's learned mask token; `twoPass`.
 *
 * Expected: losses and gradients of an independent implementation in PyTorch (test/reference/make_emae.py);
 * recipes/emae-cifar10.ts compares with MAE at equal forward cost.
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { ConfigError } from "../../errors.js";
import { type PatchEncoder, patchEncoder } from "../../models/encoder.js";
import { cat, stack, zeros } from "../../tensor/creation.js";
import { take } from "../../tensor/functional.js";
import { withRandom } from "../../tensor/step-random.js";
import { aten, type Tensor, tensor } from "../../tensor/tensor.js";
import type { MethodDefaults } from "../defaults.js";
import { type Batch, defineMethod, type Hiding, type Loss, type Pieces, type Step } from "../method.js";
import { augmentationConfig, maskedView } from "../parts/augmentation.js";
import { type Mask, maskOf } from "../parts/masks.js";
import { decoderConfig, Mae, type MaeConfig, maeConfig, maeDefaults } from "./mae.js";

/** Schema of EMAE's options (docs/methods/emae.md). */
export const emaeConfig = z.strictObject({
  name: z.literal("emae").default("emae"),
  parts: z
    .int()
    .min(2)
    .default(4)
    .describe("K: parts of a picture, each with 1/K of its patches visible; must divide their number"),
  consistencyWeight: z
    .number()
    .min(0)
    .default(1)
    .describe(
      "of the self-consistency loss, a mean over positions that both parts hide; (K - 2) / K, 0.5 at K = 4, makes it the mean over all positions of the public re-implementation, exactly",
    ),
  twoPass: z
    .boolean()
    .default(false)
    .describe("parts one after the other: activations of MAE's size for one more forward pass, the same gradient"),
  normalizeTargets: z
    .boolean()
    .default(true)
    .describe("predict each patch's pixels after normalising the patch (MAE, table 1d)"),
  decoder: decoderConfig,
  augmentation: augmentationConfig,
});
/** EMAE's options with their defaults filled in. */
export type EmaeConfig = z.output<typeof emaeConfig>;

/** MAE on K parts of each picture at once, whose predictions of a patch shall agree. State as MAE's. */
export class Emae extends Mae {
  /** K */
  readonly parts: number;
  /** Visible patches of a part: n = N / K. */
  readonly kept: number;
  readonly consistencyWeight: number;
  readonly twoPass: boolean;

  constructor(config: EmaeConfig, encoder: PatchEncoder) {
    super(asMae(config, encoder), encoder);
    this.parts = config.parts;
    this.kept = encoder.patches / config.parts;
    this.consistencyWeight = config.consistencyWeight;
    this.twoPass = config.twoPass;
  }

  /** image [B C H W] -> L_whole + λ L_consistency */
  protected override forward({ image }: Batch<"image">, { rng }: Step): Loss {
    const { ids } = this.draw(rng, image.device); // [B N], one random order, cut into K pieces
    return this.objective(this.predictParts(image, ids), this.byPiece(this.targets(image), ids));
  }

  /** image [B C H W], order of the patches [B N] -> all predictions by piece of the order [K-1 K B n P] */
  predictParts(image: Tensor, ids: Tensor): Tensor {
    const { patchEmbed } = this.encoder;
    const tokens = this.encoder.positioned(patchEmbed.call(patchEmbed.unfold(image))); // [B N D], once a picture
    const visible = this.byPiece(tokens, ids).flatten(0, 1); // [K·B n D]
    const masks = maskOf(cat(this.masks(ids).map((mask) => mask.ids)), this.kept); // of K·B rows, part after part
    const latent = this.encoder.encode(visible); // [K·B 1+n D]
    const predicted = this.decoder.call(latent, masks, masks.ids.slice(1, this.kept)); // [K·B N-n P]
    return this.aligned(predicted.float().split(image.side(0), 0)); // [K-1 K B n P]
  }

  /** order [B N] -> the masks of the K parts: part k shows piece k, then come k + 1, k + 2, … around to k - 1 */
  masks(ids: Tensor): Mask[] {
    return Array.from({ length: this.parts }, (_, k) => maskOf(ids.roll([-k * this.kept], [1]), this.kept));
  }

  /**
   * Predictions of each part [B N-n P] -> by the piece that they are of [K-1 K B n P]. Row r of piece c is what part
   * c - 1 - r (around) said of it: all parts but c itself.
   */
  private aligned(parts: readonly Tensor[]): Tensor {
    const { parts: K, kept: n } = this;
    const [B = 0, , P = 0] = parts[0]?.shape ?? [];
    const pieces = stack(parts)
      .reshape([K, B, K - 1, n, P])
      .unbind(2); // of part k the piece k + 1 + r, [K B n P] each
    return stack(pieces.map((piece, r) => piece.roll([1 + r], [0]))); // [K-1 K B n P]
  }

  /** values of patches [B N T], order [B N] -> by piece of the order [K B n T] */
  private byPiece(values: Tensor, ids: Tensor): Tensor {
    const [B = 0] = ids.shape;
    return take(values, ids).reshape([B, this.parts, this.kept, -1]).transpose(0, 1); // [K B n T]
  }

  /** predictions [K-1 K B n P], targets [K B n P] -> L_whole, the mean of the parts' MAE losses, + λ L_consistency */
  objective(predictions: Tensor, targets: Tensor): Loss {
    const errors = predictions.sub(targets).pow(2).mean([2, 3, 4]); // [K-1 K]
    const whole = errors.mean(); // []
    const { consistency, spread } = selfConsistency(predictions);
    const total = this.parts === 2 ? whole : whole.add(consistency.mul(this.consistencyWeight)); // two parts share nothing
    const ofParts = stack(errors.unbind(0).map((row, r) => row.roll([-1 - r], [0]))).mean([0]); // [K]
    const parts = ofParts.unbind(0).map((loss, k) => [`part${k}`, loss] as const);
    return { total, parts: { whole, consistency, spread, ...Object.fromEntries(parts) } };
  }

  /**
   * The gradient of a part needs of the others their values only: (1) all predictions without gradients, (2) each part
   * again, with them. Gradients add up to those of `forward`; memory is that of one part, as MAE's, and the predictions.
   */
  override pieces({ image }: Batch<"image">, { rng }: Step): Pieces | undefined {
    if (!this.twoPass) return undefined;
    const { ids } = this.draw(rng, image.device); // [B N]
    const masks = this.masks(ids);
    const predict = (mask: Mask, k: number): Tensor => {
      const run = (): Tensor => this.predict(image, mask, mask.ids.slice(1, mask.kept)).float(); // [B N-n P]
      return scope(() => withRandom(rng.fork(`layers/${k}`), run));
    };
    const { values, targets, loss } = noGrad(() =>
      scope(() => {
        const values = this.aligned(masks.map(predict)); // [K-1 K B n P]
        const targets = this.byPiece(this.targets(image), ids); // [K B n P]
        return { values, targets, loss: this.objective(values, targets) };
      }),
    );
    return { loss, pieces: masks.map((mask, k) => () => this.piece(k, predict(mask, k), values, targets)) };
  }

  /** The terms of the objective through which part k's predictions [B N-n P] get their gradient, the others' fixed. */
  private piece(k: number, predicted: Tensor, values: Tensor, targets: Tensor): Tensor {
    const { parts: K, kept: n } = this;
    const [B = 0, , P = 0] = predicted.shape;
    const own = predicted.reshape([B, K - 1, n, P]).transpose(0, 1); // [K-1 B n P], of piece k + 1 + r
    const pieces = Array.from({ length: K - 1 }, (_, r) => (k + 1 + r) % K);
    const wanted = stack(pieces.map((c) => targets.select(0, c))); // [K-1 B n P]
    let sum = own.sub(wanted).pow(2).mean().div(K); // []
    for (let s = 1; s < K - 1; s++) {
      const other = stack(pieces.map((c, r) => values.select(0, (r + s) % (K - 1)).select(0, c))); // [K-1 B n P]
      const apart = own.sub(other).abs().mean(); // []
      sum = sum.add(apart.mul((2 * this.consistencyWeight) / (K * (K - 2))));
    }
    return sum;
  }

  /** In two passes all parts are predicted once more, without gradients. */
  override forwardPasses(): number {
    return this.twoPass ? 2 : 1;
  }

  override hiding(): Hiding {
    return { ...super.hiding(), share: 1 - 1 / this.parts };
  }

  override pictureNote(): string {
    return `${super.pictureNote()}; the first of ${this.parts} parts`;
  }
}

/**
 * M predictions of each position [M …] -> how much they differ. For each pair |sg(a) - b| + |a - sg(b)|, a mean over
 * positions and pairs. Stopping both sides in turn doubles the value and leaves the gradient of |a - b|,
 * and the sum over pairs is Σ (2r - M + 1) a_(r) over sorted values: 2 (max - min) for three.
 */
function selfConsistency(predictions: Tensor): { consistency: Tensor; spread: Tensor } {
  const M = predictions.side(0);
  if (M === 1)
    return {
      consistency: zeros([], { device: predictions.device }),
      spread: zeros([], { device: predictions.device }),
    };
  const { pairs, spread } = M > 3 ? sortedPairs(predictions) : extremes(predictions); // […] each
  const once = pairs.mean().div((M * (M - 1)) / 2); // []
  return { consistency: once.add(once.detach()), spread: spread.mean() };
}

/** Two or three values [M …] -> Σ |a - b| over pairs, and max - min. */
function extremes(values: Tensor): { pairs: Tensor; spread: Tensor } {
  const spread = values.amax([0]).sub(values.amin([0]));
  return { pairs: spread.mul(values.side(0) - 1), spread };
}

function sortedPairs(values: Tensor): { pairs: Tensor; spread: Tensor } {
  const M = values.side(0);
  const [sorted] = aten("sort.stable", values, { stable: true, dim: 0 }); // [M …]
  const ranks = Float32Array.from({ length: M }, (_, r) => 2 * r - M + 1);
  const weights = tensor(ranks, [M, ...values.shape.slice(1).map(() => 1)], { device: values.device });
  return { pairs: sorted.mul(weights).sum([0]), spread: sorted.select(0, M - 1).sub(sorted.select(0, 0)) };
}

/** What EMAE shares with MAE. @throws ConfigError unless the parts divide the patches */
function asMae({ parts, normalizeTargets, decoder, augmentation }: EmaeConfig, { patches }: PatchEncoder): MaeConfig {
  if (patches % parts !== 0) {
    const divisors = Array.from({ length: patches }, (_, i) => i + 1).filter((k) => k > 1 && patches % k === 0);
    throw new ConfigError({
      problem: `${parts} parts do not divide ${patches} patches.`,
      code: "parts",
      path: "method.parts",
      expected: divisors,
      actual: parts,
      remedy: `Use ${divisors.slice(0, 6).join(", ")}${divisors.length > 6 ? ", …" : ""} (3 and more have a self-consistency loss), or pictures of another size.`,
    });
  }
  const maskRatio = 1 - (patches / parts + 0.5) / patches; // truncated to N / K visible ones whatever the rounding
  return maeConfig.parse({ maskRatio, normalizeTargets, decoder, augmentation });
}

/** The definition of EMAE (Li et al. 2024): `{ name: "emae" }` in a configuration. */
export const emae = defineMethod({
  name: "emae",
  config: emaeConfig,
  encoders: patchEncoder,
  views: ({ augmentation }, image) => maskedView(augmentation, image),
  build: (config, makeEncoder) => new Emae(config, makeEncoder()),
  defaults: (facts) => asFourParts(maeDefaults(facts)),
});

/** Each part of a picture costs what MAE's one does. */
function asFourParts({ cost, memory = cost, ...mae }: MethodDefaults): MethodDefaults {
  return { ...mae, cost: 4 * cost, memory: 4 * memory, patches: "each seen by one of four parts" };
}
