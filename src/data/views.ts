/**
 * Views: plain descriptions of what happens to a picture's pixels before a model sees them. They can be written into a
 * config and read back; `transform.ts` carries them out. Pixels stay uint8 [H W C]; normalising is done on tensors.
 */
import { z } from "zod";

/** Larger sides than this are a slip of the hand, and their batches would not fit in memory. */
const LARGEST_SIDE = 16384;

const side = z.int().min(1).max(LARGEST_SIDE);
const sizeSchema = z.tuple([side, side]).readonly().describe("[height, width] in pixels");

/** An interval with 0 < low <= high. */
function range(low: number, high: number) {
  return z
    .tuple([z.number().positive(), z.number().positive()])
    .readonly()
    .refine(([from, to]) => from <= to, { error: "expected [low, high] with low <= high" })
    .default([low, high]);
}

const randomResizedCropSchema = z
  .strictObject({
    type: z.literal("randomResizedCrop"),
    size: sizeSchema,
    scale: range(0.08, 1).describe("share of the picture's area that is cut out, drawn uniformly"),
    ratio: range(3 / 4, 4 / 3).describe("width : height of what is cut out, drawn uniformly in its logarithm"),
  })
  .describe("cut out a random part and resize it (bicubic, antialiased): torchvision's RandomResizedCrop");

const reflectPadCropSchema = z
  .strictObject({ type: z.literal("reflectPadCrop"), padding: z.int().min(0).max(LARGEST_SIDE) })
  .describe("mirror the borders by `padding` pixels, then cut out the old size at a random place");

const flipSchema = z
  .strictObject({ type: z.literal("flip"), probability: z.number().min(0).max(1).default(0.5) })
  .describe("mirror left and right");

const resizeSchema = z
  .strictObject({ type: z.literal("resize"), size: z.union([side, sizeSchema]) })
  .describe("bicubic, antialiased; one number is the length of the shorter side");

const centerCropSchema = z
  .strictObject({ type: z.literal("centerCrop"), size: sizeSchema })
  .describe("cut out the middle; smaller pictures get black borders first");

const chance = z.number().min(0).max(1);
const byte = z.int().min(0).max(255);
const strength = z.number().min(0).default(0);

const randAugmentSchema = z
  .strictObject({
    type: z.literal("randAugment"),
    magnitude: z.number().min(0).max(10).default(9),
    deviation: z.number().min(0).default(0.5).describe("of the magnitude, normal; kept within 0 to 10"),
    operations: z.int().min(0).default(2).describe("how many are drawn, with replacement"),
    probability: chance.default(0.5).describe("of each to be applied"),
    fill: z
      .tuple([byte, byte, byte])
      .readonly()
      .default([124, 116, 104])
      .describe("colour of what is moved in from outside the picture"),
  })
  .describe("timm's rand-m9-mstd0.5-inc1: some of fifteen operations");

const colorJitterSchema = z
  .strictObject({
    type: z.literal("colorJitter"),
    brightness: strength.describe("factor uniform in 1 ± this, not below 0"),
    contrast: strength,
    saturation: strength,
    hue: z.number().min(0).max(0.5).default(0).describe("turn uniform in ± this, of a full circle"),
    probability: chance.default(1),
  })
  .describe("torchvision's ColorJitter, in a drawn order");

const grayscaleSchema = z
  .strictObject({ type: z.literal("grayscale"), probability: chance.default(0.2) })
  .describe("take the colour out and keep three channels");

const gaussianBlurSchema = z
  .strictObject({
    type: z.literal("gaussianBlur"),
    sigma: range(0.1, 2).describe("in pixels, drawn uniformly: what Pillow calls the radius"),
    probability: chance.default(0.5),
  })
  .describe("Pillow's GaussianBlur, as MoCo, SimCLR's followers and BYOL use it");

const solarizeSchema = z
  .strictObject({
    type: z.literal("solarize"),
    threshold: z.int().min(0).max(256).default(128),
    probability: chance.default(0.2),
  })
  .describe("invert the values from the threshold on");

export const transformStepSchema = z.discriminatedUnion("type", [
  randomResizedCropSchema,
  reflectPadCropSchema,
  flipSchema,
  resizeSchema,
  centerCropSchema,
  randAugmentSchema,
  colorJitterSchema,
  grayscaleSchema,
  gaussianBlurSchema,
  solarizeSchema,
]);

/** Steps in order. An empty list leaves the picture as it is. */
export const transformSchema = z.array(transformStepSchema).readonly();

export type TransformStep = z.output<typeof transformStepSchema>;
export type Transform = z.output<typeof transformSchema>;
/** A transform as it may be written: what has a default may be left out. */
export type TransformInput = z.input<typeof transformSchema>;

/** Steps that speak of colours: they take grey or RGB pictures. */
const colourSteps: ReadonlySet<TransformStep["type"]> = new Set(["randAugment", "colorJitter", "grayscale"]);

/** The first step that cannot be done to pictures of so many channels. */
export function unfitStep(transform: Transform, channels: number): TransformStep["type"] | undefined {
  if (channels === 1 || channels === 3) return undefined;
  return transform.find(({ type }) => colourSteps.has(type))?.type;
}

export interface Size {
  readonly height: number;
  readonly width: number;
}

/** Height and width when the shorter side becomes `shorter`; the longer one is rounded down, as torchvision does. */
export function shorterSideSize(input: Size, shorter: number): Size {
  const { height, width } = input;
  return width <= height
    ? { height: Math.max(1, Math.trunc((shorter * height) / width)), width: shorter }
    : { height: shorter, width: Math.max(1, Math.trunc((shorter * width) / height)) };
}

/**
 * The size of what a transform gives, for pictures of size `input`, or for pictures of any size when `input` is
 * undefined; undefined when it depends on the picture.
 */
export function sizeAfter(transform: Transform, input: Size | undefined): Size | undefined {
  let size = input;
  for (const step of transform) {
    if (step.type === "randomResizedCrop" || step.type === "centerCrop") {
      size = { height: step.size[0], width: step.size[1] };
    } else if (step.type === "resize") {
      if (typeof step.size !== "number") size = { height: step.size[0], width: step.size[1] };
      else if (size !== undefined) size = shorterSideSize(size, step.size);
    }
  }
  return size;
}
