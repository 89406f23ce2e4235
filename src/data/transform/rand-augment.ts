/**
 * RandAugment (Cubuk et al., NeurIPS 2020) as timm's `rand-m9-mstd0.5-inc1`, with which DeiT, MAE and BEiT fine-tune: two
 * of fifteen operations, drawn with replacement, each applied with probability ½ and a magnitude of its own around 9 of
 * 10; every operation grows with the magnitude. Each operation equals timm's on Pillow pictures to the bit.
 */
import type { KeyedRandom } from "../random.js";
import type { Picture } from "../resample.js";
import type { TransformStep } from "../views.js";
import { rotate, shearX, shearY, translateX, translateY } from "./affine.js";
import { brightness, contrast, saturation, sharpness } from "./enhance.js";
import { autoContrast, equalize, invert, posterize, solarize, solarizeAdd } from "./tone.js";

type RandAugment = Extract<TransformStep, { type: "randAugment" }>;

interface Strength {
  /** Magnitude over 10: 0 … 1, with the sign that was drawn where the operation has one. */
  readonly level: number;
  /** A value for each channel. */
  readonly fill: readonly number[];
}

interface Operation {
  readonly name: string;
  /** Whether it goes either way: a sign is drawn. */
  readonly signed: boolean;
  apply(picture: Picture, strength: Strength): Picture;
}

const plain = (name: string, apply: (picture: Picture, level: number) => Picture): Operation => {
  return { name, signed: false, apply: (picture, { level }) => apply(picture, level) };
};

/** By a factor of 1 ± 0.9 at magnitude 10, and 0.1 at least. */
const enhanced = (name: string, apply: (picture: Picture, factor: number) => Picture): Operation => {
  return { name, signed: true, apply: (picture, { level }) => apply(picture, Math.max(0.1, 1 + level * 0.9)) };
};

const moved = (
  name: string,
  most: number,
  apply: (picture: Picture, amount: number, fill: readonly number[]) => Picture,
): Operation => {
  return { name, signed: true, apply: (picture, { level, fill }) => apply(picture, level * most, fill) };
};

/** In timm's order, which a drawn number refers to. */
export const operations: readonly Operation[] = [
  plain("autoContrast", autoContrast),
  plain("equalize", equalize),
  plain("invert", invert),
  moved("rotate", 30, rotate),
  plain("posterize", (picture, level) => posterize(picture, 4 - Math.trunc(level * 4))),
  plain("solarize", (picture, level) => solarize(picture, 256 - Math.min(256, Math.trunc(level * 256)))),
  plain("solarizeAdd", (picture, level) => solarizeAdd(picture, Math.min(128, Math.trunc(level * 110)))),
  enhanced("color", saturation),
  enhanced("contrast", contrast),
  enhanced("brightness", brightness),
  enhanced("sharpness", sharpness),
  moved("shearX", 0.3, shearX),
  moved("shearY", 0.3, shearY),
  moved("translateX", 0.45, translateX),
  moved("translateY", 0.45, translateY),
];

const largestMagnitude = 10;

/** Draws which operations first; then for each whether, how strongly and, where it has one, with which sign. */
export function randAugment(picture: Picture, step: RandAugment, random: KeyedRandom): Picture {
  const chosen = Array.from({ length: step.operations }, () => operations[random.integer(operations.length)]);
  const [red, green, blue] = step.fill;
  const luma = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
  const fill = picture.channels === 1 ? [luma] : step.fill;
  return chosen.reduce((current, operation) => {
    if (operation === undefined || random.uniform() >= step.probability) return current;
    const magnitude = step.magnitude + (step.deviation === 0 ? 0 : step.deviation * random.normal());
    const size = Math.min(largestMagnitude, Math.max(0, magnitude)) / largestMagnitude;
    const sign = operation.signed && random.uniform() > 0.5 ? -1 : 1;
    return operation.apply(current, { level: sign * size, fill });
  }, picture);
}
