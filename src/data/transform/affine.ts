/**
 * Pillow's `Image.transform` with an affine map and bicubic interpolation, and `Image.rotate`, equal to the bit: the size
 * stays, what comes from outside the picture is filled. Not antialiased, and the cubic is the sharper one with a = −1
 * (Geometry.c), unlike that of `resample.ts`. uint8 [H W C] -> uint8 [H W C], any number of channels.
 */
import type { Picture } from "../resample.js";

/** Pixel (x, y) of the result comes from (a x + b y + c, d x + e y + f), of pixel centres. */
type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** The cubic through four values at −1, 0, 1, 2, at `d` between the middle ones. */
function cubic(v1: number, v2: number, v3: number, v4: number, d: number): number {
  return v2 + d * (-v1 + v3 + d * (2 * (v1 - v2) + v3 - v4 + d * (-v1 + v2 - v3 + v4)));
}

/** @param fill a value for each channel */
function transform(picture: Picture, [a, b, c, d, e, f]: Affine, fill: readonly number[]): Picture {
  const { data, height, width, channels } = picture;
  const result = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += channels) {
      const fromX = a * (x + 0.5) + b * (y + 0.5) + c;
      const fromY = d * (x + 0.5) + e * (y + 0.5) + f;
      if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height) result.set(fill, to);
      else interpolate(picture, fromX - 0.5, fromY - 0.5, result, to);
    }
  }
  return { data: result, height, width, channels };
}

const columns = new Int32Array(4);

/** All channels at (x, y). Columns outside repeat the border; a row outside repeats the row before it as it came out. */
function interpolate(picture: Picture, x: number, y: number, target: Uint8Array, to: number): void {
  const { data, height, width, channels } = picture;
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [dx, dy] = [x - left, y - top];
  for (let i = 0; i < 4; i++) columns[i] = Math.min(width - 1, Math.max(0, left - 1 + i)) * channels;
  const [c0 = 0, c1 = 0, c2 = 0, c3 = 0] = columns;
  const row = (line: number, channel: number): number => {
    const at = line * width * channels + channel;
    return cubic(
      data[at + c0] as number,
      data[at + c1] as number,
      data[at + c2] as number,
      data[at + c3] as number,
      dx,
    );
  };
  for (let channel = 0; channel < channels; channel++) {
    const v1 = row(Math.min(height - 1, Math.max(0, top - 1)), channel);
    const v2 = top >= 0 && top < height ? row(top, channel) : v1;
    const v3 = top + 1 >= 0 && top + 1 < height ? row(top + 1, channel) : v2;
    const v4 = top + 2 >= 0 && top + 2 < height ? row(top + 2, channel) : v3;
    const value = cubic(v1, v2, v3, v4, dy);
    target[to + channel] = value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value);
  }
}

export function shearX(picture: Picture, factor: number, fill: readonly number[]): Picture {
  return transform(picture, [1, factor, 0, 0, 1, 0], fill);
}

export function shearY(picture: Picture, factor: number, fill: readonly number[]): Picture {
  return transform(picture, [1, 0, 0, factor, 1, 0], fill);
}

/** By a share of the width; to the left where it is positive. */
export function translateX(picture: Picture, share: number, fill: readonly number[]): Picture {
  return transform(picture, [1, 0, share * picture.width, 0, 1, 0], fill);
}

/** By a share of the height; upwards where it is positive. */
export function translateY(picture: Picture, share: number, fill: readonly number[]): Picture {
  return transform(picture, [1, 0, 0, 0, 1, share * picture.height], fill);
}

/** Python's `round(value, 15)`, by which Pillow makes a right angle right. */
const rounded = (value: number): number => Number(value.toFixed(15));

/** Counter-clockwise around the middle. */
export function rotate(picture: Picture, degrees: number, fill: readonly number[]): Picture {
  if (degrees % 360 === 0) return picture;
  const positive = degrees % 360 < 0 ? (degrees % 360) + 360 : degrees % 360; // Python's remainder
  const angle = -(positive * (Math.PI / 180));
  const [cos, sin] = [rounded(Math.cos(angle)), rounded(Math.sin(angle))];
  const minusSin = rounded(-Math.sin(angle));
  const [x, y] = [picture.width / 2, picture.height / 2];
  return transform(picture, [cos, sin, cos * -x + sin * -y + x, minusSin, cos, minusSin * -x + cos * -y + y], fill);
}
