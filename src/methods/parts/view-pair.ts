import { z } from "zod";
import type { Transform } from "../../data/views.js";
import type { ImageShape } from "../../models/encoder.js";

const area = z.number().gt(0).max(1);

export const viewPairConfig = z
  .strictObject({
    scale: z
      .tuple([area, area])
      .refine(([from, to]) => from <= to, { error: "expected [low, high] with low <= high" })
      .default([0.08, 1])
      .describe("share of the picture's area that a crop takes; [0.2, 1] for a ResNet (official code)"),
    blur: z
      .boolean()
      .default(true)
      .describe("Gaussian blur; pictures of 32 pixels are trained without (SimCLR, appendix B.9)"),
  })
  .prefault({});
export type ViewPairConfig = z.output<typeof viewPairConfig>;

const jitter = {
  type: "colorJitter",
  ...{ brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 },
  probability: 0.8,
} as const;

/**
 * Two views of a picture from two distributions (BYOL, appendix B; MoCo v3): crop, colours, grey, blur, solarise, flip, in this
 * order. The first is always blurred, the second rarely, and solarised once in five.
 */
export function asymmetricPair(
  { scale, blur }: ViewPairConfig,
  { imageSize }: ImageShape,
): Readonly<Record<"first" | "second", Transform>> {
  const view = (blurred: number, solarized: number): Transform => [
    { type: "randomResizedCrop", size: imageSize, scale, ratio: [3 / 4, 4 / 3], interpolation: "bilinear" },
    jitter,
    { type: "grayscale", probability: 0.2 },
    ...(blur ? ([{ type: "gaussianBlur", sigma: [0.1, 2], probability: blurred }] as const) : []),
    ...(solarized > 0 ? ([{ type: "solarize", threshold: 128, probability: solarized }] as const) : []),
    { type: "flip", probability: 0.5 },
  ];
  return { first: view(1, 0), second: view(0.1, 0.2) };
}
