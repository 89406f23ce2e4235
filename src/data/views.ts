/**
 * Views: plain descriptions of what happens to a picture's pixels before a model sees them. They can be written into a
 * config and read back; `transform.ts` carries them out. Pixels stay uint8 [H W C]; normalising is done on tensors.
 */

import { z } from "zod";
import { checked } from "../checked.js";
import { DataError } from "./errors.js";
import { INTERPOLATIONS } from "./resample/weights.js";

/** Larger sides than this are a slip of the hand, and their batches would not fit in memory. */
const LARGEST_SIDE = 16384;

const side = z.int().min(1).max(LARGEST_SIDE);
const sizeSchema = z.tuple([side, side]).readonly().describe("[height, width] in pixels");

const interpolation = z.enum(INTERPOLATIONS).optional().describe("antialiased, as Pillow's; bicubic if absent");

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
    interpolation,
  })
  .describe("cut out a random part and resize it: torchvision's RandomResizedCrop, whose own default is bilinear");

const reflectPadCropSchema = z
  .strictObject({ type: z.literal("reflectPadCrop"), padding: z.int().min(0).max(LARGEST_SIDE) })
  .describe("mirror the borders by `padding` pixels, then cut out the old size at a random place");

const flipSchema = z
  .strictObject({ type: z.literal("flip"), probability: z.number().min(0).max(1).default(0.5) })
  .describe("mirror left and right");

const resizeSchema = z
  .strictObject({ type: z.literal("resize"), size: z.union([side, sizeSchema]), interpolation })
  .describe("one number is the length of the shorter side");

const centerCropSchema = z
  .strictObject({ type: z.literal("centerCrop"), size: sizeSchema })
  .describe("cut out the middle; smaller pictures get black borders first");

const shiftedCropSchema = z
  .strictObject({
    type: z.literal("shiftedCrop"),
    size: sizeSchema,
    shift: z.int().min(0).max(LARGEST_SIDE).default(0),
  })
  .describe("cut out a window down and right of the top left corner, by up to `shift` pixels each (CMAE's ShiftPixel)");

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
  shiftedCropSchema,
  randAugmentSchema,
  colorJitterSchema,
  grayscaleSchema,
  gaussianBlurSchema,
  solarizeSchema,
]);

/** Steps in order. An empty list leaves the picture as it is. */
export const transformSchema = z.array(transformStepSchema).readonly();

/** One step of a transform: a crop, a flip, a change of colours, … */
export type TransformStep = z.output<typeof transformStepSchema>;
/** The steps that turn a picture into a view, in order, with every default filled in. */
export type Transform = z.output<typeof transformSchema>;
/** A transform as it may be written: what has a default may be left out. */
export type TransformInput = z.input<typeof transformSchema>;

const viewName = z.string().min(1);

/** What becomes one view: steps on the picture, or steps that share something with a view that is listed before it. */
const sharingViewSchema = z.strictObject({
  transform: transformSchema,
  key: viewName
    .optional()
    .describe("the view whose random numbers it draws: the same crop and flip, at another size if its steps say so"),
  of: viewName.optional().describe("the view whose finished pixels it starts from, instead of the picture's"),
});
/** Schema of a view: a transform, or a transform with the view that it shares random numbers or pixels with. */
export const viewSchema = z.union([transformSchema, sharingViewSchema]);
/** A view with every default filled in. */
export type ViewSpec = z.output<typeof viewSchema>;
/** A view as it may be written. */
export type ViewSpecInput = z.input<typeof viewSchema>;

/** Steps that speak of colours: they take grey or RGB pictures. */
const colourSteps: ReadonlySet<TransformStep["type"]> = new Set(["randAugment", "colorJitter", "grayscale"]);

/** The first step that pictures with this number of channels cannot go through. */
export function unfitStep(transform: Transform, channels: number): TransformStep["type"] | undefined {
  if (channels === 1 || channels === 3) return undefined;
  return transform.find(({ type }) => colourSteps.has(type))?.type;
}

export interface Size {
  readonly height: number;
  readonly width: number;
}

/** Python's `round`: halves go to the even neighbour. Centre crops of odd differences depend on it. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
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
    if (step.type === "randomResizedCrop" || step.type === "centerCrop" || step.type === "shiftedCrop") {
      size = { height: step.size[0], width: step.size[1] };
    } else if (step.type === "resize") {
      if (typeof step.size !== "number") size = { height: step.size[0], width: step.size[1] };
      else if (size !== undefined) size = shorterSideSize(size, step.size);
    }
  }
  return size;
}

/** A view with what it refers to found. */
export interface ResolvedView {
  readonly name: string;
  readonly transform: Transform;
  /** Names the stream of its random numbers: its own name, or the key that it shares. */
  readonly key: string;
  /** Position of the view that it starts from; undefined for the picture itself. */
  readonly of: number | undefined;
  /** Of what it gives; undefined when that depends on the picture. */
  readonly size: Size | undefined;
}

/**
 * Views in the order in which they are listed, for pictures of size `input` or of any size.
 * @throws DataError where `key` or `of` names no view listed before, ConfigError for what is not a view
 */
export function resolveViews(views: Readonly<Record<string, ViewSpecInput>>, input: Size | undefined): ResolvedView[] {
  const resolved: ResolvedView[] = [];
  for (const [name, written] of Object.entries(views)) {
    // Not by the union: its errors name no key.
    const isObject = "transform" in written;
    const where = `views.${name}`;
    const spec = isObject
      ? checked(sharingViewSchema, written, where)
      : { transform: checked(transformSchema, written, where) };
    const find = (property: "key" | "of"): number | undefined => {
      const wanted = spec[property];
      if (wanted === undefined) return undefined;
      const found = resolved.findIndex((earlier) => earlier.name === wanted);
      if (found >= 0) return found;
      throw unknownView(`views.${name}.${property}`, wanted, resolved);
    };
    const [key, of] = [find("key"), find("of")];
    resolved.push({
      ...{ name, transform: spec.transform, of },
      key: key === undefined ? name : (resolved[key] as ResolvedView).key,
      size: sizeAfter(spec.transform, of === undefined ? input : resolved[of]?.size),
    });
  }
  return resolved;
}

function unknownView(path: string, wanted: string, earlier: readonly ResolvedView[]): DataError {
  const names = earlier.map(({ name }) => name).join(", ");
  return new DataError({
    code: "unknown-view",
    path,
    expected: names === "" ? "no name, since no view is listed before" : `a view listed before it (${names})`,
    actual: wanted,
    remedy: "List the other view first.",
  });
}
