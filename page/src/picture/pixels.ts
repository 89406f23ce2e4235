/** The two ways between a picture's bytes and the numbers that the model sees. */
import type { Picture } from "../../../src/data/resample.js";

/** Mean and deviation of each channel, of pixels 0 … 1. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Bytes [H W C] -> image [C H W], float32, rounded after each operation as in training: (x / 255 − mean) / std */
export function normalized({ data, height, width, channels }: Picture, { mean, std }: Normalization): Float32Array {
  const plane = height * width;
  const image = new Float32Array(data.length);
  for (let c = 0; c < channels; c++) {
    const [centre, spread] = [Math.fround(mean[c] as number), Math.fround(std[c] as number)];
    for (let i = 0; i < plane; i++) {
      const unit = Math.fround((data[i * channels + c] as number) / 255);
      image[c * plane + i] = Math.fround(Math.fround(unit - centre) / spread);
    }
  }
  return image;
}

/** A normalised value -> a byte: clip((v · std + mean) · 255), rounded. */
export function toByte(value: number, mean: number, std: number): number {
  return Math.min(255, Math.max(0, Math.floor((value * std + mean) * 255 + 0.5)));
}

/** Bytes [H W C] -> what a canvas takes [H W 4]; grey is repeated. */
export function toRgba({ data, height, width, channels }: Picture): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(height * width * 4);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) out[i * 4 + c] = data[i * channels + (channels === 1 ? 0 : c)] as number;
    out[i * 4 + 3] = 255;
  }
  return out;
}
