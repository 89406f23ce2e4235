/**
 * Operations that give every value of a channel another one: Pillow's ImageOps (autocontrast, equalize, invert, posterize,
 * solarize) and timm's `solarize_add`, equal to the bit. uint8 [H W C] -> uint8 [H W C], any number of channels.
 */
import type { Picture } from "../resample.js";

/** Numbers of pixels of each value, channel after channel [C 256]. */
function histograms({ data, channels }: Picture): Uint32Array {
  const counts = new Uint32Array(channels * 256);
  for (let i = 0; i < data.length; i += channels) {
    for (let c = 0; c < channels; c++) (counts[c * 256 + (data[i + c] as number)] as number)++;
  }
  return counts;
}

/** New values by a table for each channel [C 256], or one for all [256]; beyond a byte they are clamped. */
export function mapValues(picture: Picture, table: ArrayLike<number>): Picture {
  const { data, height, width, channels } = picture;
  const values = Uint8ClampedArray.from(table);
  const step = table.length === 256 ? 0 : 256;
  const mapped = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += channels) {
    for (let c = 0; c < channels; c++) mapped[i + c] = values[c * step + (data[i + c] as number)] as number;
  }
  return { data: mapped, height, width, channels };
}

const tableOf = (value: (v: number) => number): number[] => Array.from({ length: 256 }, (_, v) => value(v));
const unchanged = tableOf((v) => v);

/** A table for each channel, from its histogram. */
function mapChannels(picture: Picture, tableFor: (histogram: Uint32Array) => number[]): Picture {
  const counts = histograms(picture);
  const tables = Array.from({ length: picture.channels }, (_, c) => tableFor(counts.subarray(c * 256, (c + 1) * 256)));
  return mapValues(picture, tables.flat());
}

/** Stretches each channel so that its darkest value becomes 0 and its lightest 255. */
export function autoContrast(picture: Picture): Picture {
  return mapChannels(picture, (histogram) => {
    const low = histogram.findIndex((count) => count > 0);
    const high = histogram.findLastIndex((count) => count > 0);
    if (high <= low) return unchanged;
    const scale = 255 / (high - low);
    const offset = -low * scale;
    return tableOf((v) => Math.trunc(v * scale + offset));
  });
}

/** Makes the values of each channel about equally frequent. */
export function equalize(picture: Picture): Picture {
  return mapChannels(picture, (histogram) => {
    const used = histogram.filter((count) => count > 0);
    const pixels = used.reduce((sum, count) => sum + count, 0);
    const step = Math.floor((pixels - (used.at(-1) ?? 0)) / 255);
    if (used.length <= 1 || step === 0) return unchanged;
    let below = Math.floor(step / 2);
    return tableOf((v) => {
      const value = Math.floor(below / step);
      below += histogram[v] as number;
      return value;
    });
  });
}

export function invert(picture: Picture): Picture {
  return mapValues(
    picture,
    tableOf((v) => 255 - v),
  );
}

/** Keeps the upper `bits` bits of each value; of none is black. */
export function posterize(picture: Picture, bits: number): Picture {
  const mask = 256 - 2 ** (8 - bits);
  return mapValues(
    picture,
    tableOf((v) => v & mask),
  );
}

/** Inverts the values from `threshold` on. */
export function solarize(picture: Picture, threshold: number): Picture {
  return mapValues(
    picture,
    tableOf((v) => (v < threshold ? v : 255 - v)),
  );
}

/** Adds to the values below 128. */
export function solarizeAdd(picture: Picture, add: number): Picture {
  return mapValues(
    picture,
    tableOf((v) => (v < 128 ? v + add : v)),
  );
}
