/**
 * Pillow's GaussianBlur, equal to the bit: three box blurs along the rows and three along the columns, of a box with
 * fractional ends (Gwosdek et al., "Theoretical Foundations of Gaussian Convolution by Extended Box Filtering", SSVM 2011,
 * equations 7 to 14), in 24-bit fixed point, rounded to bytes after each. The border is repeated outwards.
 */
import type { Picture } from "../resample.js";

const passes = 3;
const one = 2 ** 24;
const { fround } = Math;

/** Half the length of a box whose threefold use has the deviation `sigma`, in float32 as Pillow computes it. */
function boxRadius(sigma: number): number {
  const variance = fround(fround(fround(sigma) * fround(sigma)) / passes);
  const length = fround(Math.sqrt(12 * variance + 1));
  const whole = Math.floor((length - 1) / 2);
  const above = fround(fround(2 * whole + 1) * fround(whole * (whole + 1) - fround(3 * variance)));
  const below = fround(6 * fround(variance - (whole + 1) * (whole + 1)));
  return fround(whole + fround(above / below));
}

interface Weights {
  readonly radius: number;
  /** Of a pixel inside the box, and of the two at its ends. */
  readonly inside: number;
  readonly end: number;
}

function weightsOf(radius: number): Weights {
  const whole = Math.trunc(radius);
  const inside = Math.trunc(fround(one / fround(fround(radius * 2) + 1)));
  return { radius: whole, inside, end: Math.floor((one - (whole * 2 + 1) * inside) / 2) };
}

/** One line of `length` values, `step` bytes apart. */
function blurLine(line: Uint8Array, blurred: Uint8Array, length: number, { radius, inside, end }: Weights): void {
  const at = (x: number): number => line[x < 0 ? 0 : x >= length ? length - 1 : x] as number;
  let sum = 0;
  for (let x = -radius; x <= radius; x++) sum += at(x);
  for (let x = 0; x < length; x++) {
    blurred[x] = (sum * inside + (at(x - radius - 1) + at(x + radius + 1)) * end + one / 2) / one;
    sum += at(x + radius + 1) - at(x - radius);
  }
}

/** uint8 [H W C] -> uint8 [H W C]; `sigma` is what Pillow calls the radius, in pixels. Any number of channels. */
export function gaussianBlur(picture: Picture, sigma: number): Picture {
  const { height, width, channels } = picture;
  const data = picture.data.slice();
  if (sigma === 0) return { data, height, width, channels };
  const weights = weightsOf(boxRadius(sigma));
  const lines = [new Uint8Array(Math.max(height, width)), new Uint8Array(Math.max(height, width))] as const;
  const along = (start: number, step: number, length: number): void => {
    let [from, to] = lines;
    for (let x = 0; x < length; x++) from[x] = data[start + x * step] as number;
    for (let pass = 0; pass < passes; pass++) {
      blurLine(from, to, length, weights);
      [from, to] = [to, from];
    }
    for (let x = 0; x < length; x++) data[start + x * step] = from[x] as number;
  };
  const row = width * channels;
  for (let y = 0; y < height; y++) for (let c = 0; c < channels; c++) along(y * row + c, channels, width);
  for (let i = 0; i < row; i++) along(i, row, height);
  return { data, height, width, channels };
}
