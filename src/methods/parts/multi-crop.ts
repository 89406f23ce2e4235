import { z } from "zod";
import type { Transform } from "../../data/views.js";
import { ConfigError } from "../../errors.js";
import type { Encoder, ImageShape } from "../../models/encoder.js";
import { pair, type Size } from "../../nn/patches.js";
import { cat } from "../../tensor/creation.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Batch } from "../method.js";
import { areas, blur, blurred, flip, grey, jitterOf } from "./view-pair.js";

/** Large crops and small ones, counted from 1. */
export type CropName = `global${number}` | `local${number}`;

interface PublishedCrops {
  readonly scale: [number, number];
  readonly locals: number;
  readonly localScale: [number, number];
}

const side = z.int().positive();

function cropsConfig({ scale, locals, localScale }: PublishedCrops) {
  return z
    .strictObject({
      scale: areas
        .default(scale)
        .describe("share of the picture's area that a large crop takes; [0.14, 1] where there are no small ones"),
      locals: z.int().min(0).default(locals).describe("small crops beside the two large ones"),
      localScale: areas.default(localScale).describe("share of the picture's area that a small crop takes"),
      localSize: z
        .union([side, z.tuple([side, side])])
        .optional()
        .describe("side of a small crop in pixels, or [height, width]; if absent 3/7 of a large one's (96 of 224)"),
      blur,
    })
    .prefault({});
}

/** DINO's crops (main_dino.py). */
export const dinoCropsConfig = cropsConfig({ scale: [0.4, 1], locals: 8, localScale: [0.05, 0.4] });
/** SwAV's crops (its released runs: 2 of 224 pixels, 6 of 96). */
export const swavCropsConfig = cropsConfig({ scale: [0.14, 1], locals: 6, localScale: [0.05, 0.14] });
/** What can be set of large and small crops, defaults filled in. */
export type CropsConfig = z.output<typeof dinoCropsConfig>;

/** Crops of one kind. */
interface CropKind {
  readonly name: "global" | "local";
  readonly count: number;
  readonly size: Size;
  readonly scale: readonly [number, number];
  readonly interpolation: "bilinear" | "bicubic";
  /** What follows the crop, by its place from 0. */
  readonly steps: (i: number) => Transform;
}

/** Views `global1`, `global2`, `local1`, … of one picture, each drawn for itself; the loader decodes once for all of them. */
function crops(kinds: readonly CropKind[]): Readonly<Record<CropName, Transform>> {
  const ratio = [3 / 4, 4 / 3] as const;
  const views = kinds.flatMap(({ name, count, size, scale, interpolation, steps }) =>
    Array.from({ length: count }, (_, i): [CropName, Transform] => [
      `${name}${i + 1}`,
      [{ type: "randomResizedCrop", size, scale, ratio, interpolation }, ...steps(i)],
    ]),
  );
  return Object.fromEntries(views);
}

/**
 * Two large crops and some small ones as DINO draws them (its appendix; main_dino.py): crop, flip, colours, grey, blur, solarise, in
 * this order. The first is always blurred, the second rarely, and solarised once in five, a small one is blurred half the time.
 */
export function dinoCrops(
  { scale, locals, localScale, localSize, blur: blurs }: CropsConfig,
  { imageSize }: Pick<ImageShape, "imageSize">,
): Readonly<Record<CropName, Transform>> {
  const steps = (often: number, solarized = 0): Transform => [
    ...[flip, jitterOf(0.2), grey],
    ...(blurs ? [blurred(often)] : []),
    ...(solarized > 0 ? [{ type: "solarize", threshold: 128, probability: solarized } as const] : []),
  ];
  const interpolation = "bicubic";
  const ofGlobal = (i: number): Transform => (i === 0 ? steps(1) : steps(0.1, 0.2));
  const size = localSizeOf(localSize, imageSize);
  return crops([
    { name: "global", count: 2, size: imageSize, scale, interpolation, steps: ofGlobal },
    { name: "local", count: locals, size, scale: localScale, interpolation, steps: () => steps(0.5) },
  ]);
}

/** Two large crops and some small ones as SwAV draws them (src/multicropdataset.py): crop, flip, strong colours, grey, blur. */
export function swavCrops(
  { scale, locals, localScale, localSize, blur: blurs }: CropsConfig,
  { imageSize }: Pick<ImageShape, "imageSize">,
): Readonly<Record<CropName, Transform>> {
  const colours = { type: "colorJitter", brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2 } as const;
  const steps = (): Transform => [flip, { ...colours, probability: 0.8 }, grey, ...(blurs ? [blurred(0.5)] : [])];
  const interpolation = "bilinear";
  const size = localSizeOf(localSize, imageSize);
  return crops([
    { name: "global", count: 2, size: imageSize, scale, interpolation, steps },
    { name: "local", count: locals, size, scale: localScale, interpolation, steps },
  ]);
}

/** Three sevenths of each side, in steps of the largest power of two that divides it and is at most a seventh of it. */
function localSizeOf(given: CropsConfig["localSize"], imageSize: Size): Size {
  if (given !== undefined) return pair(given);
  const small = (whole: number): number => {
    let step = 1;
    while (whole % (2 * step) === 0 && 2 * step <= whole / 7) step *= 2;
    return Math.max(1, Math.round((3 * whole) / 7 / step)) * step;
  };
  return [small(imageSize[0]), small(imageSize[1])];
}

/**
 * Checks that the encoder can take the small crops.
 * @throws ConfigError where it cannot, with the nearest size that it can
 */
export function checkCrops({ locals, localSize }: CropsConfig, encoder: Encoder): void {
  const size = localSizeOf(localSize, encoder.imageSize);
  if (locals === 0 || encoder.accepts(size)) return;
  const near = size.map((length, i) => {
    const stride = encoder.stride[i] ?? 1;
    return Math.max(1, Math.round(length / stride)) * stride;
  });
  throw new ConfigError({
    problem: `small crops of ${size.join(" × ")} pixels do not divide into the model's ${encoder.stride.join(" × ")}.`,
    code: "image-size",
    path: "method.augmentation.localSize",
    expected: near,
    actual: size,
    remedy: `Set method.augmentation.localSize to ${near[0] === near[1] ? near[0] : JSON.stringify(near)}.`,
  });
}

/** The large or the small crops of a batch, in their order: [B C h w] each */
export function cropsOf(batch: Batch<CropName>, name: "global" | "local"): Tensor[] {
  const found: Tensor[] = [];
  for (let crop = batch[`${name}1`]; crop !== undefined; crop = batch[`${name}${found.length + 1}`]) found.push(crop);
  return found;
}

/**
 * crops [B C h w] of several sizes, those of a size beside each other -> what `encode` gives of each, one after the other [V·B …].
 * Crops of one size are encoded together: batch norm averages over all of them (DINO's `MultiCropWrapper`, SwAV's ResNet).
 */
export function encodeCrops(images: readonly Tensor[], encode: (image: Tensor) => Tensor): Tensor {
  const sizes: Tensor[][] = [];
  for (const image of images) {
    const last = sizes.at(-1);
    if (last?.[0]?.shape.join() === image.shape.join()) last.push(image);
    else sizes.push([image]);
  }
  const encoded = sizes.map((same) => encode(same.length === 1 ? (same[0] as Tensor) : cat(same, 0)));
  return encoded.length === 1 ? (encoded[0] as Tensor) : cat(encoded, 0); // [V·B …]
}
