/** Maps of numbers as pixels: every place a block of one colour, nothing smoothed. */
import type { Size } from "../../nn/patches.js";
import type { Tensor } from "../../tensor/tensor.js";

type Colour = readonly [red: number, green: number, blue: number];

/** matplotlib's viridis at its quarters: dark for little, bright for much, also to eyes that see no red or green. */
const viridis: readonly Colour[] = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
];

/** maps [B h w] -> bytes [B H W 3], each map from its least, dark, to its most, bright */
export function paintHeat(maps: Tensor, size: Size): Uint8Array {
  const [B = 0, h = 0, w = 0] = maps.shape;
  const values = maps.toNumbers();
  const shares = Array.from({ length: B }, (_, b) => stretched(values.slice(b * h * w, (b + 1) * h * w))).flat();
  return painted(B, [h, w], size, (place) => viridisAt(shares[place] ?? 0));
}

/** maps [B h w 1 to 3] -> bytes [B H W 3]: numbers as red, green and blue, each from its least to its most in all pictures */
export function paintColours(maps: Tensor, size: Size): Uint8Array {
  const [B = 0, h = 0, w = 0, C = 0] = maps.shape;
  const channels = Array.from({ length: C }, (_, c) => stretched(maps.select(3, c).toNumbers()));
  const at = (place: number, c: number): number => Math.round(255 * (channels[c]?.[place] ?? 0));
  return painted(B, [h, w], size, (place) => [at(place, 0), at(place, 1), at(place, 2)]);
}

/** Numbers from 0 for the least to 1 for the most; 0 where all are the same. */
function stretched(values: readonly number[]): number[] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [least, most] = [Math.min(least, value), Math.max(most, value)];
  return values.map((value) => (most > least ? (value - least) / (most - least) : 0));
}

function viridisAt(share: number): Colour {
  const last = viridis.length - 1;
  const i = Math.min(last - 1, Math.floor(share * last));
  const [from, to] = [viridis[i] as Colour, viridis[i + 1] as Colour];
  const mix = (c: 0 | 1 | 2): number => Math.round(from[c] + (share * last - i) * (to[c] - from[c]));
  return [mix(0), mix(1), mix(2)];
}

/** @param colourOf of a place, counted through all pictures row by row */
function painted(count: number, [h, w]: Size, [H, W]: Size, colourOf: (place: number) => Colour): Uint8Array {
  const pixels = new Uint8Array(count * H * W * 3);
  const colours = Array.from({ length: count * h * w }, (_, place) => colourOf(place));
  for (let at = 0; at < count * H * W; at++) {
    const [x, row] = [at % W, Math.floor(at / W)];
    const [y, b] = [row % H, Math.floor(row / H)];
    const place = (b * h + Math.floor((y * h) / H)) * w + Math.floor((x * w) / W);
    pixels.set(colours[place] as Colour, 3 * at);
  }
  return pixels;
}
