import { z } from "zod";
import type { Transform } from "../../data/views.js";
import type { ImageShape } from "../../models/encoder.js";

/** Schema of a masked method's augmentation. */
export const augmentationConfig = z
  .enum(["randomCrop", "fixedCrop", "colorJitter", "none"])
  .default("randomCrop")
  .describe(
    "crops of random size and flips; shifted by up to an eighth and flips; random size with colour jitter; none (MAE, table 1e)",
  );

/** The paper does not say how strong; BEiT's. */
const jitter = {
  type: "colorJitter",
  brightness: 0.4,
  contrast: 0.4,
  saturation: 0.4,
  hue: 0,
  probability: 1,
} as const;

/**
 * The one view of masked autoencoders (MAE, table 1e and appendix A.1).
 * @param scale share of the picture's area that a random crop takes
 */
export function maskedView(
  augmentation: z.output<typeof augmentationConfig>,
  { imageSize }: ImageShape,
  scale: readonly [number, number] = [0.2, 1],
): Readonly<Record<"image", Transform>> {
  const flip = { type: "flip", probability: 0.5 } as const;
  const shorter = Math.max(...imageSize);
  const middle = [
    { type: "resize", size: shorter },
    { type: "centerCrop", size: imageSize },
  ] as const;
  if (augmentation === "none") return { image: middle };
  if (augmentation === "fixedCrop")
    return { image: [...middle, { type: "reflectPadCrop", padding: Math.round(Math.min(...imageSize) / 8) }, flip] };
  const random = [{ type: "randomResizedCrop", size: imageSize, scale, ratio: [3 / 4, 4 / 3] }, flip] as const;
  return { image: augmentation === "colorJitter" ? [...random, jitter] : random };
}
