import type { Picture } from "../../../src/data/resample.js";
import type { Grid, Mask } from "../mask/grid.js";
import { type Normalization, toByte } from "./pixels.js";
import type { Statistics } from "./statistics.js";

export interface Rebuild extends Normalization {
  readonly picture: Picture;
  readonly grid: Grid;
  readonly patch: readonly [number, number];
  readonly mask: Mask;
  /** [N P], image order, channels fastest within a patch */
  readonly prediction: Float32Array;
  /** What predictions are scaled by; undefined where the model predicts pixels. */
  readonly statistics: Statistics | undefined;
  /** Show predictions of visible patches too, which carry no loss and look it. */
  readonly everywhere: boolean;
}

/** A prediction as a picture: hidden patches as predicted, visible ones as they are unless `everywhere`. */
export function rebuilt(input: Rebuild): Picture {
  const { picture, mask, everywhere } = input;
  const data = picture.data.slice();
  for (const [cell, hidden] of mask.entries()) {
    if (hidden === 1 || everywhere) writePatch(data, cell, input);
  }
  return { ...picture, data };
}

function writePatch(data: Uint8Array, cell: number, input: Rebuild): void {
  const { picture, grid, patch, prediction, statistics, mean, std } = input;
  const { channels, width } = picture;
  const [p, q] = patch;
  const [scale, shift] = statistics === undefined ? [1, 0] : [statistics.deviation[cell], statistics.mean[cell]];
  const top = Math.floor(cell / grid.columns) * p;
  const left = (cell % grid.columns) * q;
  let from = cell * p * q * channels;
  for (let y = 0; y < p; y++) {
    let to = ((top + y) * width + left) * channels;
    for (let i = 0; i < q * channels; i++) {
      const value = (prediction[from++] as number) * (scale as number) + (shift as number);
      data[to++] = toByte(value, mean[i % channels] as number, std[i % channels] as number);
    }
  }
}
