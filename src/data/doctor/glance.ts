/** What is wrong with pictures that decode well: that they are all the same one, or that their numbers wrapped round. */
import { join } from "node:path";
import { DEFAULT_MAX_PIXELS, DEFAULT_TIMEOUT_MS, decodeFile } from "../decode.js";
import { hasChannels, pixelsOf, withChannels } from "../loader/content.js";
import type { Picture } from "../resample.js";
import type { Source } from "../source.js";
import { spread } from "./survey.js";

/** A share of the pictures that were looked at, and the name of one of them. */
export interface Share {
  readonly share: number;
  readonly example: string;
}

/** What a look at some of a source's pictures, as they are stored, found. */
export interface Glance {
  readonly pictures: number;
  /** The largest group of pictures that show the same; undefined where no two do. */
  readonly same?: Share;
  /** Pictures with numbers that wrapped round; undefined where there is none. */
  readonly wrapped?: Share;
}

/**
 * Looks at pictures spread evenly over a source, undisturbed by crops; what cannot be decoded is left out.
 * @param options pictures at most, and milliseconds after which no further one is begun
 */
export async function glanceAt(
  source: Source,
  {
    channels,
    pictures = 32,
    ms = 2000,
  }: { readonly channels: number; readonly pictures?: number; readonly ms?: number },
): Promise<Glance> {
  const until = performance.now() + ms;
  const seen: { readonly name: string; readonly grid: Grid; readonly wrapped: boolean }[] = [];
  for (const i of spread(source.size, pictures)) {
    if (performance.now() > until) break;
    const picture = await stored(source, i, channels);
    if (picture !== undefined) seen.push({ name: source.name(i), grid: gridOf(picture), wrapped: isWrapped(picture) });
  }
  const groups = seen.map(({ grid }) => seen.filter((other) => isSame(grid, other.grid)));
  const largest = groups.reduce((a, b) => (b.length > a.length ? b : a), []);
  const share = (some: readonly { readonly name: string }[]): Share => ({
    share: some.length / seen.length,
    example: some[0]?.name ?? "",
  });
  const wrapped = seen.filter((one) => one.wrapped);
  return {
    pictures: seen.length,
    ...(largest.length > 1 ? { same: share(largest) } : {}),
    ...(wrapped.length > 0 ? { wrapped: share(wrapped) } : {}),
  };
}

async function stored({ content }: Source, i: number, channels: number): Promise<Picture | undefined> {
  if (content.kind === "pixels") {
    const picture = pixelsOf(content, i);
    return hasChannels(picture.channels, channels) ? withChannels(picture, channels) : picture;
  }
  const limits = { maxPixels: DEFAULT_MAX_PIXELS, timeoutMs: DEFAULT_TIMEOUT_MS, channels };
  return decodeFile(join(content.root, content.paths[i] as string), limits).catch(() => undefined);
}

const side = 32;

interface Grid {
  readonly values: Float64Array;
  /** Sum of squared distances from their mean. */
  readonly spread: number;
}

/** Single pixels at 32 × 32 places, their channels added up: means over places would lose what tells textures apart. */
function gridOf({ data, width, height, channels }: Picture): Grid {
  const values = Float64Array.from({ length: side * side }, (_, place) => {
    const y = Math.floor(((Math.floor(place / side) + 0.5) * height) / side);
    const x = Math.floor((((place % side) + 0.5) * width) / side);
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += data[(y * width + x) * channels + c] as number;
    return sum;
  });
  const mean = values.reduce((x, y) => x + y, 0) / values.length;
  return { values, spread: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) };
}

/** Of the variance: compressing a picture again leaves 0.004 to 0.084, another one of CIFAR-10 has 0.79 and more. */
const residual = 0.1;

/** Whether two grids show the same; a picture of one colour is like no other. */
function isSame(a: Grid, b: Grid): boolean {
  const least = Math.min(a.spread, b.spread);
  if (least === 0) return false;
  let apart = 0;
  for (let i = 0; i < a.values.length; i++) apart += ((a.values[i] as number) - (b.values[i] as number)) ** 2;
  return apart <= residual * least;
}

/** Between what 490 photographs, screenshots and drawings showed and what wrapped photographs did. */
const limits = {
  /** Steps between neighbouring pixels over the same steps round the circle of 256 values: photographs 1.0, wrapped 1.21 to 2.5. */
  detour: 1.2,
  /** Share of the values that are black or white: drawings, which jump between these, 0.39 and more, wrapped 0.12 at most. */
  extremes: 0.35,
  /** How many times larger a step round the circle is at jumps than elsewhere: other drawings 31 and more, wrapped 2.6 to 17. */
  jump: 20,
  /** Share of the steps that are jumps: wrapped 0.008 and more. */
  jumps: 0.005,
} as const;

/**
 * Whether bytes wrapped round, as when the low bytes of 16-bit numbers or signed numbers are stored as 0 … 255: neighbours jump from
 * nearly white to nearly black where the number behind them goes on smoothly.
 */
export function isWrapped({ data, width, height, channels }: Picture): boolean {
  let [steps, straight, round, jumps, atJumps, extreme] = [0, 0, 0, 0, 0, 0];
  const rows = Math.max(1, Math.floor(height / 256));
  for (let y = 0; y < height; y += rows) {
    for (let at = y * width * channels; at + channels < (y + 1) * width * channels; at++) {
      const value = data[at] as number;
      const step = Math.abs((data[at + channels] as number) - value);
      steps++;
      straight += step;
      if (value <= 2 || value >= 253) extreme++;
      if (step <= 128) round += step;
      else {
        jumps++;
        atJumps += 256 - step;
      }
    }
  }
  const elsewhere = round / Math.max(1, steps - jumps);
  return (
    jumps > limits.jumps * steps &&
    straight > limits.detour * (round + atJumps) &&
    extreme < limits.extremes * steps &&
    atJumps / jumps < limits.jump * elsewhere
  );
}
