/** A sweep file whose points train in a fraction of a second, with its pictures. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePictures } from "../terminal.js";

export interface TinySweep {
  readonly file: string;
  /** What the file says. */
  readonly written: Record<string, unknown>;
}

/** @param changes of the file; `base` of its base configuration */
export async function tinySweep(
  folder: string,
  changes: { base?: object; perClass?: number } & Record<string, unknown> = {},
): Promise<TinySweep> {
  const { base = {}, perClass = 8, ...rest } = changes;
  mkdirSync(folder, { recursive: true });
  const path = await makePictures(join(folder, "pictures"), perClass);
  const written = {
    title: "Tiny",
    base: {
      epochs: 2,
      precision: "float32",
      model: { name: "vit", width: 16, depth: 1, heads: 2, patchSize: 8 },
      method: { name: "mae", decoder: { width: 16, depth: 1, heads: 2 } },
      data: { source: { kind: "folder", path }, imageSize: 32, batchSize: 8, workers: 0 },
      log: { previewPictures: 0 },
      ...base,
    },
    axes: { "method.maskRatio": [0.25, 0.5, 0.75] },
    evaluate: {
      train: { kind: "folder", path, part: "train", holdOut: 0.4 },
      test: { kind: "folder", path, part: "heldOut", holdOut: 0.4 },
      knn: { k: 3 },
    },
    ...rest,
  };
  const file = join(folder, "tiny.json");
  writeFileSync(file, JSON.stringify(written));
  return { file, written };
}
