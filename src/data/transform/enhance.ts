/**
 * Pillow's ImageEnhance and torchvision's `adjust_hue`, equal to the bit: a picture is blended with what it would be with
 * nothing of the property (black, one grey, its own grey, smoothed); a factor of 1 changes nothing, beyond it the property
 * grows. uint8 [H W C] -> uint8 [H W C] with 1 or 3 channels. Arithmetic is float32 where Pillow's is.
 */
import { toChannels } from "../decode/colour.js";
import type { Picture } from "../resample.js";
import { mapValues } from "./tone.js";

/** `none + factor · (value − none)` in float32, cut off to a byte (Blend.c). */
function blend(none: number, value: number, factor: number): number {
  const mixed = Math.fround(none + Math.fround(factor * (value - none)));
  return mixed <= 0 ? 0 : mixed >= 255 ? 255 : Math.trunc(mixed);
}

/** Blends with one value all over. */
function blendWithValue(picture: Picture, none: number, factor: number): Picture {
  const rounded = Math.fround(factor);
  return mapValues(
    picture,
    Array.from({ length: 256 }, (_, value) => blend(none, value, rounded)),
  );
}

function luma(picture: Picture): Picture {
  return picture.channels === 1 ? picture : toChannels(picture, 1);
}

export function brightness(picture: Picture, factor: number): Picture {
  return blendWithValue(picture, 0, factor);
}

/** Around the mean of the picture's grey, rounded. */
export function contrast(picture: Picture, factor: number): Picture {
  const { data } = luma(picture);
  let sum = 0;
  for (const value of data) sum += value;
  return blendWithValue(picture, Math.floor(sum / data.length + 0.5), factor);
}

/** How far colours are from grey: Pillow's `Color`, torchvision's saturation. A grey picture has none. */
export function saturation(picture: Picture, factor: number): Picture {
  const { data, height, width, channels } = picture;
  if (channels === 1) return picture;
  const grey = luma(picture).data;
  const rounded = Math.fround(factor);
  const result = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++)
    result[i] = blend(grey[Math.trunc(i / 3)] as number, data[i] as number, rounded);
  return { data: result, height, width, channels };
}

/** Without colour, with as many channels as before (torchvision's `Grayscale`). */
export function grayscale(picture: Picture): Picture {
  return saturation(picture, 0);
}

/** Against the picture smoothed by a 3 × 3 filter that weighs the middle five times; its border is not smoothed. */
export function sharpness(picture: Picture, factor: number): Picture {
  const { data, height, width, channels } = picture;
  const rounded = Math.fround(factor);
  const row = width * channels;
  const result = data.slice();
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * row + channels; i < (y + 1) * row - channels; i++) {
      let sum = 4 * (data[i] as number);
      for (const line of [i - row, i, i + row])
        sum += (data[line - channels] as number) + (data[line] as number) + (data[line + channels] as number);
      const smooth = Math.floor((2 * sum + 13) / 26); // sum / 13, rounded
      result[i] = blend(smooth, data[i] as number, rounded);
    }
  }
  return { data: result, height, width, channels };
}

/**
 * Turns the hue by `turn` of a full circle (−0.5 … 0.5), by way of 8-bit hue, saturation and value as Pillow has them: that
 * alone loses some of a colour. A grey picture has no hue.
 */
export function hue(picture: Picture, turn: number): Picture {
  const { data, height, width, channels } = picture;
  if (channels === 1) return picture;
  const shift = Math.trunc(turn * 255) & 255;
  const result = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const [h, s, v] = toHsv(data[i] as number, data[i + 1] as number, data[i + 2] as number);
    result.set(toRgb((h + shift) & 255, s, v), i);
  }
  return { data: result, height, width, channels };
}

type Triple = readonly [number, number, number];
const { fround } = Math;

/** Convert.c: hue and saturation are float32 on the way, and cut off to bytes. */
function toHsv(r: number, g: number, b: number): Triple {
  const most = Math.max(r, g, b);
  const range = most - Math.min(r, g, b);
  if (range === 0) return [0, 0, most];
  const [rc, gc, bc] = [fround((most - r) / range), fround((most - g) / range), fround((most - b) / range)];
  const sixths = fround(r === most ? bc - gc : g === most ? 2 + rc - bc : 4 + gc - rc);
  const h = fround((sixths / 6 + 1) % 1);
  return [Math.trunc(h * 255), Math.trunc(fround(range / most) * 255), most];
}

function toRgb(h: number, s: number, v: number): Triple {
  if (s === 0) return [v, v, v];
  const sixths = (h * 6) / 255;
  const sector = Math.floor(sixths);
  const f = fround(sixths - sector);
  const share = fround(s / 255);
  const p = Math.round(v * (1 - share));
  const q = Math.round(v * (1 - fround(share * f)));
  const t = Math.round(v * (1 - share * (1 - f)));
  const sectors: readonly Triple[] = [[v, t, p], [q, v, p], [p, v, t], [p, q, v], [t, p, v], [v, p, q]]; // biome-ignore format: six alike
  return sectors[sector % 6] as Triple;
}
