/**
 * Resampling of 8-bit pixels, bit for bit as Pillow 13 does it (`Image.resize`, src/libImaging/Resample.c): bicubic,
 * bilinear or Lanczos.
 *
 * The published recipes were trained on pictures resized by Pillow. Its filters are antialiased (the kernel widens when a
 * picture shrinks); it rounds to 8 bits between the two passes and works with 22-bit fixed-point weights; a resampler that
 * differs in any of these is another augmentation.
 *
 * Pillow before 13 always made the horizontal pass first, so for pictures that shrink far more in height than in width it
 * may differ from this by one level. Four channels are resampled independently; Pillow multiplies RGBA by its alpha first.
 */

import { ConfigError } from "../errors.js";
import { resampleWithKernel } from "./resample/kernel-passes.js";
import { type Plan, type Plane, resamplePlane } from "./resample/passes.js";
import { type Interpolation, type Weights, weightsOf } from "./resample/weights.js";

/** Pixels as rows of interleaved channels: data [height width channels], one byte each. */
export interface Picture {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** A window of whole pixels. */
export interface Region {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** A window with fractional edges, as Pillow's `box`: what lies around it still reaches into the result. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The size that a picture is resampled to, and which part of it. */
export interface ResampleOptions {
  readonly height: number;
  readonly width: number;
  /** Cut this window out first: pixels outside it have no influence (torchvision's `resized_crop`). Default: the whole picture. */
  readonly crop?: Region;
  /** Pillow's `box`, in pixels of the crop. Default: all of it. */
  readonly box?: Box;
  /** Default "bicubic". */
  readonly interpolation?: Interpolation | undefined;
  /** Mirror the result left and right. */
  readonly mirror?: boolean;
  /** Another way to make the passes, equal to the bit, that is tried first; undefined where it cannot. */
  readonly passes?: (plane: Plane, plan: Plan) => Uint8Array | undefined;
}

function copyPlane(plane: Plane): Uint8Array {
  const bytes = plane.width * plane.channels;
  const copy = new Uint8Array(plane.height * bytes);
  for (let y = 0; y < plane.height; y++) {
    const at = plane.offset + y * plane.rowBytes;
    copy.set(plane.data.subarray(at, at + bytes), y * bytes);
  }
  return copy;
}

/** Cuts a window of whole pixels out of a picture. @throws ConfigError where it does not lie inside */
export function crop(picture: Picture, region: Region): Picture {
  const plane = planeOf(picture, region);
  return { data: copyPlane(plane), height: region.height, width: region.width, channels: picture.channels };
}

function planeOf(picture: Picture, region: Region): Plane {
  const { top, left, height, width } = region;
  const inside = top >= 0 && left >= 0 && top + height <= picture.height && left + width <= picture.width;
  if (!inside || height < 1 || width < 1) {
    throw new ConfigError({
      code: "crop",
      path: "crop",
      expected: `a window inside ${picture.height} × ${picture.width}`,
      actual: `${height} × ${width} at row ${top}, column ${left}`,
    });
  }
  const rowBytes = picture.width * picture.channels;
  const offset = top * rowBytes + left * picture.channels;
  return { data: picture.data, offset, rowBytes, height, width, channels: picture.channels };
}

/**
 * Antialiased: uint8 [H W C] -> uint8 [options.height options.width C], equal to Pillow 13's to the bit.
 * The input is not changed. @throws ConfigError for a crop outside the picture or a size below 1
 */
export function resample(picture: Picture, options: ResampleOptions): Picture {
  const { height, width, interpolation } = options;
  if (!(Number.isInteger(height) && Number.isInteger(width) && height >= 1 && width >= 1)) {
    const expected = "whole sides of at least 1 pixel";
    throw new ConfigError({ code: "size", path: "resample", expected, actual: `${height} × ${width}` });
  }
  const plane = planeOf(picture, options.crop ?? { top: 0, left: 0, height: picture.height, width: picture.width });
  const box = options.box ?? { left: 0, top: 0, right: plane.width, bottom: plane.height };
  const mirror = options.mirror === true;
  const across = mirror || width !== plane.width || box.left !== 0 || box.right !== width;
  const down = height !== plane.height || box.top !== 0 || box.bottom !== height;
  const shrinkDown = plane.height - height;
  const plan: Plan = {
    height,
    width,
    columns: across ? columnsOf(weightsOf(plane.width, box.left, box.right, width, interpolation), mirror) : undefined,
    rows: down ? weightsOf(plane.height, box.top, box.bottom, height, interpolation) : undefined,
    verticalFirst: shrinkDown > 0 && shrinkDown > (plane.width - width) * 2,
  };
  const data = across || down ? pass(plane, plan, options) : copyPlane(plane);
  return { data, height, width, channels: plane.channels };
}

function pass(plane: Plane, plan: Plan, { passes }: ResampleOptions): Uint8Array {
  return passes?.(plane, plan) ?? resampleWithKernel(plane, plan) ?? resamplePlane(plane, plan);
}

/** The last position first, for a mirrored result: no pass of its own. */
function columnsOf(weights: Weights, mirror: boolean): Weights {
  if (!mirror) return weights;
  const { first, count, values, stride } = weights;
  const mirrored = new Int32Array(values.length);
  for (let i = 0, to = values.length - stride; to >= 0; i++, to -= stride) {
    mirrored.set(values.subarray(i * stride, (i + 1) * stride), to);
  }
  return { first: first.toReversed(), count: count.toReversed(), values: mirrored, stride };
}
