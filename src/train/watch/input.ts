/** What the first batch of a run looks like to the model: wrong normalisation, blank pictures and shuffled patches show in it. */
import type { RunEvent } from "../../runs/schema.js";
import type { PixelBatch } from "../batch.js";

type InputEvent = Extract<RunEvent, { type: "input" }>;

/** Pictures at most that are looked at. */
const enough = 64;

/**
 * Numbers of a batch as the model gets it. Bytes [B H W C] 0 … 255 are normalised as in training.
 * - `mean`, `std`: of each channel, over all pictures; near 0 and 1 where the normalisation fits
 * - `flatPictures`, `flatPatches`: share without any difference between their pixels
 * - `seam`: how much larger the step from pixel to pixel is across the borders of patches than inside them, about 1 for
 *   pictures as they are, less where they are plain. Borders may be shifted by crops: the offset with the largest steps
 *   counts, in each picture.
 */
export function describeInput(
  view: PixelBatch,
  options: {
    readonly mean: readonly number[];
    readonly std: readonly number[];
    readonly patch: readonly [number, number];
  },
): Omit<InputEvent, "type" | "step"> {
  const { height, width, channels } = view;
  const size = height * width * channels;
  const pictures = Math.min(enough, Math.floor(view.data.length / size));
  const each = Array.from({ length: pictures }, (_, i) => view.data.subarray(i * size, (i + 1) * size));
  const seams = each.flatMap((bytes) => seamOf({ ...view, data: bytes }, options.patch) ?? []);
  const moments = Array.from({ length: channels }, (_, c) => momentsOf(each, c, channels));
  return {
    pictures,
    mean: moments.map(({ mean }, c) =>
      rounded((mean / 255 - (options.mean[c] as number)) / (options.std[c] as number)),
    ),
    std: moments.map(({ std }, c) => rounded(std / 255 / (options.std[c] as number))),
    flatPictures: rounded(each.filter((bytes) => isFlat(bytes, channels)).length / Math.max(1, pictures)),
    flatPatches: rounded(average(each.map((bytes) => flatPatches({ ...view, data: bytes }, options.patch)))),
    seam: seams.length === 0 ? null : rounded(average(seams)),
  };
}

function momentsOf(pictures: readonly Uint8Array[], c: number, channels: number): { mean: number; std: number } {
  let [count, sum, squares] = [0, 0, 0];
  for (const bytes of pictures) {
    for (let i = c; i < bytes.length; i += channels) {
      const value = bytes[i] as number;
      count++;
      sum += value;
      squares += value * value;
    }
  }
  const mean = sum / Math.max(1, count);
  return { mean, std: Math.sqrt(Math.max(0, squares / Math.max(1, count) - mean * mean)) };
}

/** One colour everywhere, but for one step of 255: JPEG leaves that. */
function isFlat(bytes: Uint8Array, channels: number): boolean {
  return bytes.every((value, i) => Math.abs(value - (bytes[i % channels] as number)) <= 1);
}

/** Share of patches with one value in each channel, on the model's grid. */
function flatPatches({ data, height, width, channels }: PixelBatch, [p, q]: readonly [number, number]): number {
  let [flat, all] = [0, 0];
  for (let top = 0; top + p <= height; top += p) {
    for (let left = 0; left + q <= width; left += q) {
      all++;
      const first = (top * width + left) * channels;
      let same = true;
      for (let y = top; same && y < top + p; y++) {
        for (let at = (y * width + left) * channels; same && at < (y * width + left + q) * channels; at++)
          same = Math.abs((data[at] as number) - (data[first + (at % channels)] as number)) <= 1;
      }
      if (same) flat++;
    }
  }
  return flat / Math.max(1, all);
}

/** Steps across the strongest grid of borders over those elsewhere; undefined for a picture that has none to compare. */
function seamOf(view: PixelBatch, [p, q]: readonly [number, number]): number | undefined {
  const across = ratioOf(steps(view, "columns"), q);
  const down = ratioOf(steps(view, "rows"), p);
  return across === undefined || down === undefined ? undefined : Math.sqrt(across * down);
}

/** Mean difference between neighbouring columns (or rows): entry i is the step from i to i + 1. */
function steps({ data, height, width, channels }: PixelBatch, along: "columns" | "rows"): Float64Array {
  const [count, stride] = along === "columns" ? [width - 1, channels] : [height - 1, width * channels];
  const sums = new Float64Array(Math.max(0, count));
  for (let at = 0; at + stride < data.length; at++) {
    const place = Math.floor(at / channels);
    const i = along === "columns" ? place % width : Math.floor(place / width);
    if (i < count) sums[i] = (sums[i] as number) + Math.abs((data[at + stride] as number) - (data[at] as number));
  }
  return sums;
}

/** Medians over borders: the edge of one object lies on one of them, shuffled patches show at all. */
function ratioOf(sums: Float64Array, period: number): number | undefined {
  const borders = Math.floor((sums.length + 1) / period) - 1;
  if (period < 2 || borders < 2) return undefined;
  const total = sums.reduce((a, b) => a + b, 0);
  const at = (offset: number): number[] => Array.from(sums.filter((_, i) => i % period === offset));
  const levels = Array.from({ length: period }, (_, offset) => middle(at(offset)));
  const strongest = levels.indexOf(Math.max(...levels));
  const here = at(strongest);
  const others = (total - here.reduce((a, b) => a + b, 0)) / (sums.length - here.length);
  return others > 0 ? (levels[strongest] as number) / others : undefined;
}

/** The lower one of two: a pair of borders counts by its weaker. */
function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1] ?? 0;
}

function average(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
}

/** Five digits say enough. */
function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
