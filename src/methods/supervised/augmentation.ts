/** How labelled pictures are varied while training, and how they are looked at when judged. */
import { z } from "zod";
import type { Transform } from "../../data/views.js";
import type { Size } from "../../nn/patches.js";
import { erasingConfig } from "./erasing.js";
import { mixingConfig } from "./mixing.js";

const share = z.number().min(0).max(1);
const positive = z.number().positive();
const strength = z.number().min(0).default(0);

const cropConfig = z.discriminatedUnion("name", [
  z.strictObject({
    name: z.literal("random"),
    scale: z.tuple([positive, positive]).default([0.08, 1]).describe("share of the picture's area that is cut out"),
    ratio: z
      .tuple([positive, positive])
      .default([3 / 4, 4 / 3])
      .describe("width : height of it"),
  }),
  z.strictObject({
    name: z.literal("shifted"),
    padding: z.int().min(0).default(4).describe("pixels by which the picture is moved at most, its border mirrored"),
  }),
  z.strictObject({ name: z.literal("middle") }),
]);

export const augmentationConfig = z.strictObject({
  crop: cropConfig
    .prefault({ name: "random" })
    .describe("random: a part of any size; shifted: for pictures as small as the model's"),
  flip: share.default(0.5).describe("probability of mirroring left and right"),
  randAugment: z
    .strictObject({
      operations: z.int().min(0).default(2).describe("drawn for each picture; 0: none"),
      magnitude: z.number().min(0).max(10).default(9),
      deviation: z.number().min(0).default(0.5).describe("of the magnitude"),
      probability: share.default(0.5).describe("of each operation to be applied"),
    })
    .prefault({}),
  colorJitter: z
    .strictObject({
      brightness: strength,
      contrast: strength,
      saturation: strength,
      hue: z.number().min(0).max(0.5).default(0),
    })
    .prefault({})
    .describe("only where RandAugment is off, as in timm"),
  erasing: erasingConfig.prefault({}).describe("random erasing, after normalisation"),
  mixing: mixingConfig.prefault({}).describe("mixup and CutMix"),
  smoothing: share.default(0.1).describe("label smoothing"),
  testCrop: positive
    .max(1)
    .optional()
    .describe(
      "share of the shorter side that is judged; 0.875 from 65 to 224 pixels and all of smaller and larger pictures, if absent",
    ),
});
/** How labelled pictures are varied: the options with their defaults filled in. */
export type AugmentationConfig = z.output<typeof augmentationConfig>;

/** The view of a picture in training. */
export function trainingView(config: AugmentationConfig, imageSize: Size): Transform {
  const flip = config.flip > 0 ? [{ type: "flip", probability: config.flip } as const] : [];
  return [...cropSteps(config.crop, imageSize), ...flip, ...colourSteps(config)];
}

function cropSteps(crop: AugmentationConfig["crop"], size: Size): Transform {
  const middle = middleOf(size, 1);
  switch (crop.name) {
    case "random":
      return [{ type: "randomResizedCrop", size, scale: crop.scale, ratio: crop.ratio }];
    case "shifted":
      return [...middle, { type: "reflectPadCrop", padding: crop.padding }];
    case "middle":
      return middle;
  }
}

/** Moved-in colour: ImageNet's mean, as in the official pipeline. */
const fill = [124, 116, 104] as const;

function colourSteps({ randAugment, colorJitter }: AugmentationConfig): Transform {
  const { operations } = randAugment;
  if (operations > 0) return [{ type: "randAugment", ...randAugment, fill }];
  const isOff = Object.values(colorJitter).every((value) => value === 0);
  return isOff ? [] : [{ type: "colorJitter", ...colorJitter, probability: 1 }];
}

/** Largest side for which a margin is left around the middle: larger inputs are made of whole pictures (official code). */
const largestWithMargin = 224;
/** Pictures of this size and less are as small as their sources: there is no margin to leave. */
const smallest = 64;

/** The view in which pictures are judged: 224 of 256 pixels, in the published sizes. */
export function judgingView({ testCrop }: AugmentationConfig, size: Size): Transform {
  const side = Math.max(...size);
  const isMiddle = side > smallest && side <= largestWithMargin;
  return middleOf(size, testCrop ?? (isMiddle ? largestWithMargin / 256 : 1));
}

function middleOf(size: Size, share: number): Transform {
  return [
    { type: "resize", size: Math.trunc(Math.max(...size) / share) },
    { type: "centerCrop", size },
  ];
}
