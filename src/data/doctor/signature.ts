/** Numbers by which one picture is compared with others. */
import type { Picture } from "../resample.js";

/** Columns and rows of the thumbnail: nine columns make eight differences a row. */
const COLUMNS = 9;
const ROWS = 8;

export interface Signature {
  /**
   * 64 bits, as two unsigned words: whether each cell of the thumbnail is brighter than its left neighbour ("dHash",
   * Krawetz 2013, "Kind of like that"). Scaling, recompression and brightness hardly change it.
   */
  readonly hash: readonly [number, number];
  /** Mean colours of 9 × 8 cells, RGB, row by row. */
  readonly thumbnail: Uint8Array;
  /** Standard deviation of the thumbnail's luma: the hash of a picture without contrast is noise. */
  readonly contrast: number;
}

/** The signature of an RGB picture. */
export function signatureOf(picture: Picture): Signature {
  const thumbnail = shrink(picture);
  const luma = Array.from({ length: COLUMNS * ROWS }, (_, i) => {
    const [r = 0, g = 0, b = 0] = thumbnail.subarray(3 * i, 3 * i + 3);
    return 0.299 * r + 0.587 * g + 0.114 * b;
  });
  const words: [number, number] = [0, 0];
  for (let bit = 0; bit < 64; bit++) {
    const cell = Math.floor(bit / 8) * COLUMNS + (bit % 8);
    const brighter = (luma[cell + 1] as number) > (luma[cell] as number);
    if (brighter) words[bit >> 5] = ((words[bit >> 5] as number) | (1 << (bit & 31))) >>> 0;
  }
  const mean = luma.reduce((sum, x) => sum + x, 0) / luma.length;
  const contrast = Math.sqrt(luma.reduce((sum, x) => sum + (x - mean) ** 2, 0) / luma.length);
  return { hash: words, thumbnail, contrast };
}

/** The mean colour of each cell; a picture with fewer pixels than cells repeats them. */
function shrink({ data, width, height }: Picture): Uint8Array {
  const result = new Uint8Array(COLUMNS * ROWS * 3);
  for (let row = 0; row < ROWS; row++) {
    const top = Math.floor((row * height) / ROWS);
    const bottom = Math.max(top + 1, Math.floor(((row + 1) * height) / ROWS));
    for (let column = 0; column < COLUMNS; column++) {
      const left = Math.floor((column * width) / COLUMNS);
      const right = Math.max(left + 1, Math.floor(((column + 1) * width) / COLUMNS));
      let r = 0;
      let g = 0;
      let b = 0;
      for (let y = top; y < bottom; y++) {
        for (let at = (y * width + left) * 3, end = (y * width + right) * 3; at < end; at += 3) {
          r += data[at] as number;
          g += data[at + 1] as number;
          b += data[at + 2] as number;
        }
      }
      const count = (bottom - top) * (right - left);
      result.set([Math.round(r / count), Math.round(g / count), Math.round(b / count)], (row * COLUMNS + column) * 3);
    }
  }
  return result;
}

export interface ChannelSums {
  /** Means of red, green and blue, 0 … 1. */
  readonly mean: readonly [number, number, number];
  /** Means of their squares. */
  readonly square: readonly [number, number, number];
  /** No pixel has colour, but for what JPEG's rounding leaves. */
  readonly grey: boolean;
}

/** Enough for a mean; more would cost more time than decoding. */
const MOST_PIXELS = 250_000;
/** Levels between the channels of one pixel that still count as grey. */
const GREY_TOLERANCE = 8;

/** Mean and mean square of an RGB picture's channels, from evenly spread pixels of it. */
export function channelSums({ data }: Picture): ChannelSums {
  const pixels = data.length / 3;
  // Odd, so that an even width does not take the same columns in every row.
  const step = Math.ceil(pixels / MOST_PIXELS) | 1;
  const sums = [0, 0, 0, 0, 0, 0] as [number, number, number, number, number, number];
  let spread = 0;
  let count = 0;
  for (let at = 0; at < data.length; at += 3 * step, count++) {
    const r = data[at] as number;
    const g = data[at + 1] as number;
    const b = data[at + 2] as number;
    sums[0] += r;
    sums[1] += g;
    sums[2] += b;
    sums[3] += r * r;
    sums[4] += g * g;
    sums[5] += b * b;
    spread = Math.max(spread, Math.abs(r - g), Math.abs(g - b), Math.abs(r - b));
  }
  const [r, g, b, rr, gg, bb] = sums.map((sum, i) => sum / count / (i < 3 ? 255 : 255 * 255)) as typeof sums;
  return { mean: [r, g, b], square: [rr, gg, bb], grey: spread <= GREY_TOLERANCE };
}
