/**
 * "Random Erasing Data Augmentation", Zhong et al., AAAI 2020, as timm's `RandomErasing` in its mode `pixel`: of normalised
 * images, one rectangle is filled with noise of mean 0 and deviation 1, drawn for each pixel and channel. Keyed by sample,
 * so that a picture is erased alike whatever batch it is in. Compared with timm for the same draws (test/finetune).
 */
import { z } from "zod";
import { KeyedRandom } from "../../data/random.js";
import { roundHalfEven } from "../../data/views.js";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import type { Rng } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";

const positive = z.number().positive();

/** Schema of random erasing (Zhong et al. 2020, arXiv 1708.04896); defaults as in timm, which MAE's fine-tuning uses. */
export const erasingConfig = z.strictObject({
  probability: z.number().min(0).max(1).default(0.25).describe("of a picture to have a rectangle erased"),
  area: z
    .tuple([positive, positive.max(1)])
    .readonly()
    .default([0.02, 1 / 3])
    .describe("share of the picture's area, drawn uniformly"),
  ratio: z
    .tuple([positive, positive])
    .readonly()
    .default([0.3, 1 / 0.3])
    .describe("height : width of the rectangle, drawn uniformly in its logarithm"),
});
/** Options of random erasing with their defaults filled in. */
export type ErasingConfig = z.output<typeof erasingConfig>;

const tries = 10;

/** What is erased, in pixels. */
export interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** The rectangle of one picture, or none: not every picture has one, and after ten that do not fit it is left alone. */
export function drawErased(
  { probability, area, ratio }: ErasingConfig,
  [H, W]: readonly [number, number],
  random: Pick<KeyedRandom, "uniform" | "integer">,
): Rectangle | undefined {
  if (random.uniform() >= probability) return undefined;
  const [low, high] = [Math.log(ratio[0]), Math.log(ratio[1])];
  for (let attempt = 0; attempt < tries; attempt++) {
    const target = (area[0] + (area[1] - area[0]) * random.uniform()) * H * W;
    const aspect = Math.exp(low + (high - low) * random.uniform());
    const height = roundHalfEven(Math.sqrt(target * aspect));
    const width = roundHalfEven(Math.sqrt(target / aspect));
    if (height >= H || width >= W) continue;
    return { top: random.integer(H - height + 1), left: random.integer(W - width + 1), height, width };
  }
  return undefined;
}

/** images [B C H W], normalised: changed in place. @param rng a row of keys for each picture, as `step.rng.fork("erase")` */
export function erase_(images: Tensor, config: ErasingConfig, rng: Rng): Tensor {
  const [, C = 0, H = 0, W = 0] = images.shape;
  const { seed, purpose, epoch } = rng;
  noGrad(() =>
    scope(() => {
      for (const [row, sample] of rng.samples.entries()) {
        const found = drawErased(config, [H, W], new KeyedRandom({ seed, purpose, epoch, sample }));
        if (found === undefined || found.height === 0 || found.width === 0) continue;
        const { top, left, height, width } = found;
        const noise = rng.fork("noise").at(epoch, [sample]).normal([C, height, width], images.device); // [1 C h w]
        const picture = images.slice(0, row, row + 1); // [1 C H W]
        picture
          .slice(2, top, top + height)
          .slice(3, left, left + width)
          .copy_(noise);
      }
    }),
  );
  return images;
}
