/**
 * mixup ("Beyond Empirical Risk Minimization", Zhang et al., ICLR 2018) and CutMix ("Regularization Strategy to Train
 * Strong Classifiers with Localizable Features", Yun et al., ICCV 2019) as timm's `Mixup` does them in its batch mode: one
 * decision and one λ for a batch; picture i is mixed with picture B − 1 − i; CutMix's λ is corrected to the box that is
 * left inside the picture; labels are smoothed before they are mixed.
 *
 * What differs: draws are keyed by the batch, and pairs are those of the whole batch however many micro-batches it is
 * computed in. The box has the sides ⌊H √(1 − λ)⌋ and ⌊W √(1 − λ)⌋, odd ones too, as timm's since version 1.0; timm 0.3.2,
 * with which MAE was published, made odd sides one shorter.
 */
import { z } from "zod";
import type { KeyedRandom } from "../../data/random.js";
import { ConfigError } from "../../errors.js";
import { zeros } from "../../tensor/creation.js";
import { type Tensor, tensor } from "../../tensor/tensor.js";

const share = z.number().min(0).max(1);

/** Schema of mixup (arXiv 1710.09412) and CutMix (arXiv 1905.04899); defaults of MAE's fine-tuning (table 9). */
export const mixingConfig = z.strictObject({
  mixup: z.number().min(0).default(0.8).describe("α of mixup's λ ~ Beta(α, α); 0: no mixup"),
  cutmix: z.number().min(0).default(1).describe("α of CutMix's λ; 0: no CutMix"),
  probability: share.default(1).describe("of a batch to be mixed at all"),
  switchProbability: share.default(0.5).describe("of CutMix rather than mixup where both are on"),
});
/** Options of mixup and CutMix with their defaults filled in. */
export type MixingConfig = z.output<typeof mixingConfig>;

/** Rows and columns [from, to) of the picture that come from the partner. */
export interface Box {
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
}

/** What was decided for a batch: λ is the picture's own share, of pixels and of label. */
export interface Mix {
  readonly kind: "none" | "mixup" | "cutmix";
  readonly lambda: number;
  readonly box?: Box;
}

type Draws = Pick<KeyedRandom, "uniform" | "normal" | "integer">;

/**
 * Checks that the pictures of a batch can be paired.
 * @throws ConfigError where batches have an odd number of pictures: the middle one would be without a partner
 */
export function checkMixing({ mixup, cutmix, probability }: MixingConfig, batchSize: number): void {
  if (batchSize % 2 === 0 || probability === 0 || (mixup === 0 && cutmix === 0)) return;
  throw new ConfigError({
    problem: `mixup and CutMix pair the pictures of a batch, and ${batchSize} is odd.`,
    code: "odd-batch",
    path: "data.batchSize",
    expected: "an even number",
    actual: batchSize,
    remedy: `Use ${batchSize + 1}, or switch both off.`,
  });
}

/** Decides for one batch of pictures [H W]; give it random numbers keyed by (seed, epoch, number of the batch). */
export function drawMix(config: MixingConfig, [H, W]: readonly [number, number], random: Draws): Mix {
  const { mixup, cutmix, probability, switchProbability } = config;
  if ((mixup === 0 && cutmix === 0) || random.uniform() >= probability) return { kind: "none", lambda: 1 };
  const cut = cutmix > 0 && (mixup === 0 || random.uniform() < switchProbability);
  const lambda = beta(cut ? cutmix : mixup, random);
  if (!cut) return { kind: "mixup", lambda };
  return cutMix(lambda, [H, W], [random.integer(H), random.integer(W)]);
}

/** The box around a centre (row, column), clipped to the picture, and the λ that is left (CutMix, equation 2 and code). */
export function cutMix(lambda: number, [H, W]: readonly [number, number], [y, x]: readonly [number, number]): Mix {
  const ratio = Math.sqrt(1 - lambda);
  const along = (side: number, centre: number): [number, number] => {
    const cut = Math.trunc(side * ratio);
    return [Math.max(0, centre - Math.floor(cut / 2)), Math.min(side, centre + Math.floor((cut + 1) / 2))];
  };
  const [rows, columns] = [along(H, y), along(W, x)];
  const area = (rows[1] - rows[0]) * (columns[1] - columns[0]);
  return { kind: "cutmix", lambda: 1 - area / (H * W), box: { rows, columns } };
}

/** Rows of a batch of B that are the partners of rows start … end − 1, in the batch's order. */
export function partnerRows(start: number, end: number, B: number): { readonly start: number; readonly end: number } {
  return { start: B - end, end: B - start };
}

/**
 * images [b C H W], rows of a batch, and their partners' images [b C H W] in the batch's order (`partnerRows`) -> mixed
 * [b C H W]; the inputs are not changed
 */
export function mixImages(images: Tensor, partners: Tensor, { kind, lambda, box }: Mix): Tensor {
  if (lambda === 1) return images; // nothing of the partner is seen
  const others = partners.flip([0]); // [b C H W], partner of each row
  if (kind === "mixup") return images.mul(lambda).add(others.mul(1 - lambda));
  const { rows, columns } = box as Box;
  const window = (of: Tensor): Tensor => of.slice(2, ...rows).slice(3, ...columns); // [b C h w]
  const mixed = images.clone();
  window(mixed).copy_(window(others));
  return mixed;
}

/** What soft targets are made of besides the labels. */
export interface Targets {
  readonly classes: number;
  /** Label smoothing: this much of each label is shared out over all classes (Szegedy et al. 2016). */
  readonly smoothing: number;
}

/**
 * labels [b] of rows and of their partners, in the batch's order both -> soft targets [b K], each of sum 1: smoothed one-hot
 * vectors, then mixed as the images were
 */
export function mixTargets(
  labels: ArrayLike<number>,
  partners: ArrayLike<number>,
  { lambda }: Pick<Mix, "lambda">,
  { classes, smoothing }: Targets,
): Tensor {
  const b = labels.length;
  const off = Math.fround(smoothing / classes);
  const on = Math.fround(1 - smoothing + smoothing / classes);
  const smoothed = (of: ArrayLike<number>): Tensor => {
    const values = new Float32Array(b * classes).fill(off);
    for (let row = 0; row < b; row++) values[row * classes + (of[row] as number)] = on;
    return tensor(values, [b, classes]);
  };
  if (b === 0) return zeros([0, classes]);
  const reversed = Array.from(partners).reverse();
  return smoothed(labels)
    .mul(lambda)
    .add(smoothed(reversed).mul(1 - lambda));
}

/** Beta(α, α) as a ratio of two Gamma numbers. */
function beta(alpha: number, random: Draws): number {
  const [a, b] = [gamma(alpha, random), gamma(alpha, random)];
  return a + b === 0 ? (random.uniform() < 0.5 ? 0 : 1) : a / (a + b); // both underflow where α is next to nothing
}

/** Gamma(α, 1): Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables" (2000); below 1 by their section 6. */
function gamma(alpha: number, random: Draws): number {
  if (alpha < 1) return gamma(alpha + 1, random) * (random.uniform() + 2 ** -25) ** (1 / alpha);
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    const u = random.uniform() + 2 ** -25;
    if (v > 0 && Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
