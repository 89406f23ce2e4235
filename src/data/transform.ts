/**
 * Carries out the transforms that `views.ts` describes, as torchvision 0.29 does on Pillow pictures: the same pixels for
 * the same parameters, and parameters drawn by the same law from keyed numbers.
 */
import { ConfigError } from "../errors.js";
import type { Piece, Wanted } from "./decode/piece.js";
import type { KeyedRandom } from "./random.js";
import { resampleNatively } from "./resample/native-passes.js";
import { crop, type Picture, type Region, type ResampleOptions, resample } from "./resample.js";
import { gaussianBlur } from "./transform/blur.js";
import { drawJitter, jitter } from "./transform/color-jitter.js";
import { grayscale } from "./transform/enhance.js";
import { randAugment } from "./transform/rand-augment.js";
import { solarize } from "./transform/tone.js";
import { roundHalfEven, type Size, shorterSideSize, type Transform, type TransformStep } from "./views.js";

type RandomResizedCrop = Extract<TransformStep, { type: "randomResizedCrop" }>;
type ShiftedCrop = Extract<TransformStep, { type: "shiftedCrop" }>;

/** torchvision tries this often before it falls back to the middle of the picture. */
const TRIES = 10;

/**
 * The window of torchvision's `RandomResizedCrop.get_params`: area uniform in `scale`, logarithm of the aspect ratio
 * uniform in `ratio`, ten tries, then the largest centred window whose ratio is allowed.
 * Takes two numbers a try and two for the place, in that order.
 */
export function drawCrop(size: Size, step: Pick<RandomResizedCrop, "scale" | "ratio">, random: KeyedRandom): Region {
  const { height, width } = size;
  const area = height * width;
  const [lowest, highest] = step.ratio;
  const logLowest = Math.log(lowest);
  const logHighest = Math.log(highest);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const target = area * (step.scale[0] + (step.scale[1] - step.scale[0]) * random.uniform());
    const ratio = Math.exp(logLowest + (logHighest - logLowest) * random.uniform());
    const w = roundHalfEven(Math.sqrt(target * ratio));
    const h = roundHalfEven(Math.sqrt(target / ratio));
    if (w > 0 && w <= width && h > 0 && h <= height) {
      return { top: random.integer(height - h + 1), left: random.integer(width - w + 1), height: h, width: w };
    }
  }
  return centralCrop(size, lowest, highest);
}

function centralCrop({ height, width }: Size, lowest: number, highest: number): Region {
  let h = height;
  let w = width;
  // At least one pixel: torchvision rounds a line of pixels thinner than half the ratio to nothing, and fails.
  if (width / height < lowest) h = Math.max(1, roundHalfEven(width / lowest));
  else if (width / height > highest) w = Math.max(1, roundHalfEven(height * highest));
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w };
}

/** Mirrors left and right. */
export function flip(picture: Picture): Picture {
  const { data, height, width, channels } = picture;
  const flipped = new Uint8Array(data.length);
  const rowBytes = width * channels;
  for (let y = 0; y < height; y++) {
    let from = y * rowBytes;
    for (let to = from + rowBytes - channels; to >= y * rowBytes; to -= channels) {
      for (let channel = 0; channel < channels; channel++) flipped[to + channel] = data[from++] as number;
    }
  }
  return { data: flipped, height, width, channels };
}

/** Where a position before 0 or past the end lies in a mirror that does not repeat the border (numpy's `reflect`). */
function reflect(position: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const folded = ((position % period) + period) % period;
  return folded < length ? folded : period - folded;
}

/**
 * Pads by reflection and cuts out the old size at (top, left) of the padded picture. `padding` may be larger than the
 * picture: the mirror goes on, as in numpy.
 */
export function reflectPadCrop(picture: Picture, padding: number, top: number, left: number): Picture {
  const { data, height, width, channels } = picture;
  const result = new Uint8Array(data.length);
  const columns = Int32Array.from({ length: width }, (_, x) => reflect(left + x - padding, width) * channels);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const row = reflect(top + y - padding, height) * width * channels;
    for (let x = 0; x < width; x++) {
      const from = row + (columns[x] as number);
      for (let channel = 0; channel < channels; channel++) result[to++] = data[from + channel] as number;
    }
  }
  return { data: result, height, width, channels };
}

/** Cuts out the middle; where the picture is smaller, black borders come first (torchvision's `center_crop`). */
export function centerCrop(picture: Picture, size: Size): Picture {
  const padded = padToSize(picture, size);
  return crop(padded, {
    top: roundHalfEven((padded.height - size.height) / 2),
    left: roundHalfEven((padded.width - size.width) / 2),
    height: size.height,
    width: size.width,
  });
}

function padToSize(picture: Picture, size: Size): Picture {
  const height = Math.max(picture.height, size.height);
  const width = Math.max(picture.width, size.width);
  if (height === picture.height && width === picture.width) return picture;
  const { channels } = picture;
  const data = new Uint8Array(height * width * channels);
  const top = Math.floor((height - picture.height) / 2);
  const left = Math.floor((width - picture.width) / 2);
  const rowBytes = picture.width * channels;
  for (let y = 0; y < picture.height; y++) {
    const row = picture.data.subarray(y * rowBytes, (y + 1) * rowBytes);
    data.set(row, ((top + y) * width + left) * channels);
  }
  return { data, height, width, channels };
}

/** Cuts out the window whose top left corner is (top, left). @throws ConfigError where the farthest one would leave the picture */
function shiftedCrop(picture: Picture, { size, shift }: ShiftedCrop, top: number, left: number): Picture {
  const [height, width] = size;
  if (height + shift <= picture.height && width + shift <= picture.width)
    return crop(picture, { top, left, height, width });
  throw new ConfigError({
    problem: `a window of ${width} × ${height} that is shifted by up to ${shift} pixels does not fit into ${picture.width} × ${picture.height} pixels.`,
    code: "transform",
    path: "transform",
    expected: `at least ${width + shift} × ${height + shift} pixels`,
    actual: `${picture.width} × ${picture.height}`,
    remedy: "Put a resize or a random crop to that size before it.",
  });
}

function resize(picture: Picture, options: ResampleOptions): Picture {
  return resample(picture, { ...options, passes: resampleNatively });
}

function outputOf({ size, interpolation }: RandomResizedCrop): ResampleOptions {
  return { height: size[0], width: size[1], interpolation };
}

function applyStep(step: TransformStep, picture: Picture, random: KeyedRandom): Picture {
  switch (step.type) {
    case "randomResizedCrop":
      return resize(picture, { ...outputOf(step), crop: drawCrop(picture, step, random) });
    case "reflectPadCrop": {
      const top = random.integer(2 * step.padding + 1);
      const left = random.integer(2 * step.padding + 1);
      return reflectPadCrop(picture, step.padding, top, left);
    }
    case "flip":
      return random.uniform() < step.probability ? flip(picture) : picture;
    case "resize": {
      const { size, interpolation } = step;
      const output = typeof size === "number" ? shorterSideSize(picture, size) : { height: size[0], width: size[1] };
      return resize(picture, { ...output, interpolation });
    }
    case "centerCrop":
      return centerCrop(picture, { height: step.size[0], width: step.size[1] });
    case "shiftedCrop": {
      const top = random.integer(step.shift + 1);
      const left = random.integer(step.shift + 1);
      return shiftedCrop(picture, step, top, left);
    }
    case "randAugment":
      return randAugment(picture, step, random);
    case "colorJitter":
    case "grayscale":
    case "gaussianBlur":
    case "solarize":
      return random.uniform() < step.probability ? applyColourStep(step, picture, random) : picture;
  }
}

type ColourStep = Extract<TransformStep, { type: "colorJitter" | "grayscale" | "gaussianBlur" | "solarize" }>;

function applyColourStep(step: ColourStep, picture: Picture, random: KeyedRandom): Picture {
  switch (step.type) {
    case "colorJitter":
      return jitter(picture, drawJitter(step, random));
    case "grayscale":
      return grayscale(picture);
    case "gaussianBlur": {
      const [least, most] = step.sigma;
      return gaussianBlur(picture, least + (most - least) * random.uniform());
    }
    case "solarize":
      return solarize(picture, step.threshold);
  }
}

/**
 * uint8 [H W C] -> uint8 [H' W' C]. The input is never changed; where no step changes anything it is returned itself.
 * The same picture, steps and key give the same bytes. Each step takes its numbers from `random` in order.
 */
export function apply(transform: Transform, picture: Picture, random: KeyedRandom): Picture {
  if (transform[0]?.type !== "randomResizedCrop") return follow(transform, picture, random);
  const { height, width } = picture;
  return applyToPiece(transform, { picture, whole: { height, width }, scale: 1, left: 0, top: 0 }, random);
}

function follow(steps: Transform, picture: Picture, random: KeyedRandom): Picture {
  return steps.reduce((current, step) => applyStep(step, current, random), picture);
}

/**
 * What has to be there of a picture of this size for a transform that begins with a random crop; undefined for others,
 * which need all of it.
 */
export function wantedBy(transform: Transform, whole: Size, random: KeyedRandom): Wanted | undefined {
  const [step] = transform;
  if (step?.type !== "randomResizedCrop") return undefined;
  const region = drawCrop(whole, step, random);
  return { region, shrinks: Math.min(region.height / step.size[0], region.width / step.size[1]) };
}

function notEnough(step: TransformStep | undefined): ConfigError {
  const data = { expected: "a transform that begins with randomResizedCrop", actual: step?.type };
  return new ConfigError({ code: "transform", path: "transform", ...data, remedy: "Decode the whole picture for it." });
}

/** As `apply` to the whole picture, from the part that `wantedBy` names for the same numbers. */
export function applyToPiece(transform: Transform, piece: Piece, random: KeyedRandom): Picture {
  const [step, next] = transform;
  if (step?.type !== "randomResizedCrop") throw notEnough(step);
  const region = drawCrop(piece.whole, step, random);
  // Mirrored as it is resized: the same pixels, without a pass over them.
  const mirror = next?.type === "flip" && random.uniform() < next.probability;
  const picture = resizePart(piece, region, { ...outputOf(step), mirror });
  return follow(transform.slice(next?.type === "flip" ? 2 : 1), picture, random);
}

/** Of a scaled picture the window has edges between pixels. */
function resizePart({ picture, scale, left, top }: Piece, region: Region, options: ResampleOptions): Picture {
  const right = Math.min(picture.width, (region.left + region.width) * scale - left);
  const bottom = Math.min(picture.height, (region.top + region.height) * scale - top);
  const [x, y] = [Math.max(0, region.left * scale - left), Math.max(0, region.top * scale - top)];
  const [fromX, fromY] = [Math.floor(x), Math.floor(y)];
  const window = { left: fromX, top: fromY, width: Math.ceil(right) - fromX, height: Math.ceil(bottom) - fromY };
  const box = { left: x - fromX, top: y - fromY, right: right - fromX, bottom: bottom - fromY };
  return resize(picture, { ...options, crop: window, box });
}
