import { z } from "zod";
import type { Transform, ViewSpec } from "../../data/views.js";
import type { ImageShape } from "../../models/encoder.js";

const area = z.number().gt(0).max(1);
/** A share of a picture's area, from least to most. */
export const areas = z
  .tuple([area, area])
  .refine(([from, to]) => from <= to, { error: "expected [low, high] with low <= high" });
export const blur = z
  .boolean()
  .default(true)
  .describe("Gaussian blur; pictures of 32 pixels are trained without (SimCLR, appendix B.9)");

/** Schema of what can be set of a pair of views from two distributions (`asymmetricPair`). */
export const viewPairConfig = z
  .strictObject({
    scale: areas
      .default([0.08, 1])
      .describe("share of the picture's area that a crop takes; [0.2, 1] for a ResNet (official code)"),
    blur,
  })
  .prefault({});
/** What can be set of a pair of views from two distributions, defaults filled in. */
export type ViewPairConfig = z.output<typeof viewPairConfig>;

/** Schema of what can be set of a pair of views from one distribution (`symmetricPair`). */
export const symmetricPairConfig = z
  .strictObject({ scale: areas.default([0.2, 1]).describe("share of the picture's area that a crop takes"), blur })
  .prefault({});
/** What can be set of a pair of views from one distribution, defaults filled in. */
export type SymmetricPairConfig = z.output<typeof symmetricPairConfig>;

/** Schema of a pair of views as SimCLR draws them: both from one distribution, with strong colours. */
export const simclrPairConfig = z
  .strictObject({
    scale: areas.default([0.08, 1]).describe("share of the picture's area that a crop takes"),
    strength: z
      .number()
      .min(0)
      .max(2)
      .default(1)
      .describe("of the colour jitter; 0.5 for CIFAR-10 (paper, appendix A and B.9)"),
    blur,
  })
  .prefault({});
/** What can be set of SimCLR's pair of views, defaults filled in. */
export type SimclrPairConfig = z.output<typeof simclrPairConfig>;

/** Schema of two windows of one crop (`shiftedPair`). */
export const shiftedPairConfig = z
  .strictObject({
    scale: areas.default([0.2, 1]).describe("share of the picture's area that the crop of both views takes"),
    shift: z
      .int()
      .min(0)
      .optional()
      .describe(
        "most pixels by which the target's window is moved, down and right each; absent: 31 of 224, or in proportion",
      ),
    blur,
  })
  .prefault({});
/** What can be set of two windows of one crop, defaults filled in. */
export type ShiftedPairConfig = z.output<typeof shiftedPairConfig>;

/** Schema of the two pairs of views of a fair comparison (`fairPair`). */
export const fairPairConfig = z
  .strictObject({
    pair: z.enum(["moco", "byol"]).default("moco").describe("both views from one distribution, or from BYOL's two"),
    scale: areas
      .optional()
      .describe("share of the picture's area that a crop takes; absent: [0.2, 1] of moco, [0.08, 1] of byol"),
    blur,
  })
  .prefault({});
/** What can be set of the views of a fair comparison, defaults filled in. */
export type FairPairConfig = z.output<typeof fairPairConfig>;

type Interpolation = "bilinear" | "bicubic";
const cropOf = (
  { scale, imageSize }: Pick<ViewPairConfig, "scale"> & Pick<ImageShape, "imageSize">,
  interpolation: Interpolation = "bilinear",
) => ({ type: "randomResizedCrop", size: imageSize, scale, ratio: [3 / 4, 4 / 3], interpolation }) as const;
/** SimCLR's colour jitter, and half of it, which its relatives take with a saturation of their own. */
export const jitterOf = (saturation: number, strength = 0.5) =>
  ({
    type: "colorJitter",
    ...{ brightness: 0.8 * strength, contrast: 0.8 * strength, saturation, hue: 0.2 * strength },
    probability: 0.8,
  }) as const;
export const grey = { type: "grayscale", probability: 0.2 } as const;
export const blurred = (probability: number) => ({ type: "gaussianBlur", sigma: [0.1, 2], probability }) as const;
export const flip = { type: "flip", probability: 0.5 } as const;

/**
 * Two views of a picture from two distributions (BYOL, appendix B; MoCo v3): crop, colours, grey, blur, solarise, flip, in this
 * order. The first is always blurred, the second rarely, and solarised once in five. MoCo v3's crops are bilinear, BYOL's bicubic.
 */
export function asymmetricPair(
  { scale, blur }: ViewPairConfig,
  { imageSize }: ImageShape,
  interpolation: Interpolation = "bilinear",
): Readonly<Record<"first" | "second", Transform>> {
  const view = (often: number, solarized: number): Transform => [
    cropOf({ scale, imageSize }, interpolation),
    jitterOf(0.2),
    grey,
    ...(blur ? [blurred(often)] : []),
    ...(solarized > 0 ? ([{ type: "solarize", threshold: 128, probability: solarized }] as const) : []),
    flip,
  ];
  return { first: view(1, 0), second: view(0.1, 0.2) };
}

/** Two views of a picture from one distribution (MoCo v2; SimSiam, section 4): crop, colours, grey, blur, flip, in this order. */
export function symmetricPair(
  { scale, blur }: SymmetricPairConfig,
  { imageSize }: ImageShape,
): Readonly<Record<"first" | "second", Transform>> {
  const view: Transform = [cropOf({ scale, imageSize }), jitterOf(0.4), grey, ...(blur ? [blurred(0.5)] : []), flip];
  return { first: view, second: view };
}

/** Two views of a picture from one distribution (SimCLR, appendix A): crop, strong colours, grey, blur, flip, in this order. */
export function simclrPair(
  { scale, strength, blur }: SimclrPairConfig,
  { imageSize }: ImageShape,
): Readonly<Record<"first" | "second", Transform>> {
  const crop = cropOf({ scale, imageSize }, "bicubic");
  const view: Transform = [crop, jitterOf(0.8 * strength, strength), grey, ...(blur ? [blurred(0.5)] : []), flip];
  return { first: view, second: view };
}

/**
 * Two views of a picture as the fair study of Huang et al. (2022) draws them: MoCo v2's pair, or BYOL's in another order: crop, colours,
 * blur, grey, flip, solarise (official code).
 */
export function fairPair(
  { pair, scale = pair === "moco" ? [0.2, 1] : [0.08, 1], blur }: FairPairConfig,
  { imageSize, channels }: ImageShape,
): Readonly<Record<"first" | "second", Transform>> {
  if (pair === "moco") return symmetricPair({ scale, blur }, { imageSize, channels });
  const view = (often: number, solarized: number): Transform => [
    cropOf({ scale, imageSize }),
    jitterOf(0.2),
    ...(blur ? [blurred(often)] : []),
    grey,
    flip,
    ...(solarized > 0 ? ([{ type: "solarize", threshold: 128, probability: solarized }] as const) : []),
  ];
  return { first: view(1, 0), second: view(0.1, 0.2) };
}

/** Two views of a picture as MoCo v1 draws them (official code): crop, grey, strong colours always, flip. */
export function mocoV1Pair(
  { scale }: Pick<SymmetricPairConfig, "scale">,
  { imageSize }: ImageShape,
): Readonly<Record<"first" | "second", Transform>> {
  const colours = { type: "colorJitter", ...{ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.4 } } as const;
  const view: Transform = [cropOf({ scale, imageSize }), grey, { ...colours, probability: 1 }, flip];
  return { first: view, second: view };
}

/**
 * Two windows of one crop (CMAE): `image` at its top left corner, in its own colours; `target` up to `shift` pixels down and right of it,
 * with SimCLR's colours, grey and blur. Their patches so show nearly the same.
 */
export function shiftedPair(
  { scale, shift, blur }: ShiftedPairConfig,
  { imageSize }: ImageShape,
): Readonly<Record<"image" | "target", ViewSpec>> {
  const most = shift ?? Math.max(0, Math.round(Math.min(...imageSize) / 7) - 1);
  const [height, width] = [imageSize[0] + most + 1, imageSize[1] + most + 1]; // 256 for 224, as the official code
  const window = (shift: number): Transform => [
    cropOf({ scale, imageSize: [height, width] }, "bicubic"),
    flip,
    { type: "shiftedCrop", size: imageSize, shift },
  ];
  const colours = [jitterOf(0.4), grey, ...(blur ? [blurred(0.5)] : [])];
  return { image: window(0), target: { transform: [...window(most), ...colours], key: "image" } };
}

/** Schema of two colourings of one crop (`recolouredPair`). */
export const recolouredPairConfig = z
  .strictObject({
    scale: areas.default([0.2, 1]).describe("share of the picture's area that the crop of both views takes"),
    colours: z
      .boolean()
      .default(true)
      .describe("each view is jittered and greyed for itself; false: both are the crop as it is"),
  })
  .prefault({});
/** What can be set of two colourings of one crop, defaults filled in. */
export type RecolouredPairConfig = z.output<typeof recolouredPairConfig>;

/**
 * One crop, as `crop`, and two views that start from its pixels, each in colours of its own (ExtreMA, `SpatialConsistentColorAug`): their
 * patches show the same.
 */
export function recolouredPair(
  { scale, colours }: RecolouredPairConfig,
  { imageSize }: ImageShape,
): Readonly<Record<"crop" | "image" | "target", ViewSpec>> {
  const recoloured = { of: "crop", transform: colours ? [jitterOf(0.2), grey] : [] };
  return { crop: [cropOf({ scale, imageSize }), flip], image: recoloured, target: recoloured };
}

/**
 * Two crops of a picture, drawn apart (MACRL): `image` in strong colours, which is `clean` before them, and `weak` as it was cropped.
 */
export function corruptedPair(
  { scale, blur }: SymmetricPairConfig,
  { imageSize }: ImageShape,
): Readonly<Record<"clean" | "image" | "weak", ViewSpec>> {
  const crop: Transform = [cropOf({ scale, imageSize }, "bicubic"), flip];
  const colours = [jitterOf(0.4), grey, ...(blur ? [blurred(0.5)] : [])];
  return { clean: crop, image: { of: "clean", transform: colours }, weak: crop };
}
