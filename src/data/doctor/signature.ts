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

/** A picture of any number of channels as colours: grey is repeated, of more than three the first three are taken. */
export function asColours(picture: Picture): Picture {
  const { data, height, width, channels } = picture;
  if (channels === 3) return picture;
  const taken = channels < 3 ? [0, 0, 0] : [0, 1, 2];
  const colours = new Uint8Array(height * width * 3);
  for (let from = 0, to = 0; from < data.length; from += channels)
    for (const channel of taken) colours[to++] = data[from + channel] as number;
  return { data: colours, height, width, channels: 3 };
}

export interface ChannelSums {
  /** Mean of each channel, 0 … 1. */
  readonly mean: readonly number[];
  /** Means of their squares. */
  readonly square: readonly number[];
  /** Of an RGB picture: no pixel has colour, but for what JPEG's rounding leaves. */
  readonly grey: boolean;
}

/** Enough for a mean; more would cost more time than decoding. */
const MOST_PIXELS = 250_000;
/** Levels between the channels of one pixel that still count as grey. */
const GREY_TOLERANCE = 8;

/** Mean and mean square of a picture's channels, from evenly spread pixels of it. */
export function channelSums({ data, channels }: Picture): ChannelSums {
  const pixels = data.length / channels;
  // Odd, so that an even width does not take the same columns in every row.
  const step = Math.ceil(pixels / MOST_PIXELS) | 1;
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  let spread = 0;
  let count = 0;
  for (let at = 0; at < data.length; at += channels * step, count++) {
    let [least, most] = [255, 0];
    for (let c = 0; c < channels; c++) {
      const value = data[at + c] as number;
      (sums[c] as number) += value;
      (squares[c] as number) += value * value;
      if (value < least) least = value;
      if (value > most) most = value;
    }
    if (most - least > spread) spread = most - least;
  }
  return {
    mean: Array.from(sums, (sum) => sum / count / 255),
    square: Array.from(squares, (sum) => sum / count / (255 * 255)),
    grey: channels === 3 && spread <= GREY_TOLERANCE,
  };
}

/** From here on a byte is white: JPEG takes a level or two from what was at the limit. */
const whiteFrom = 254;

/** Share of the pixels of an RGB picture with all three channels at their limit: overexposed, or a white ground. */
export function whiteShare({ data }: Pick<Picture, "data">): number {
  let white = 0;
  for (let at = 0; at + 2 < data.length; at += 3)
    if (Math.min(data[at] as number, data[at + 1] as number, data[at + 2] as number) >= whiteFrom) white++;
  return white / Math.max(1, data.length / 3);
}
