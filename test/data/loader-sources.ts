/** Small sources for the loader's tests: pictures in memory, and files written into a temporary folder. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import type { Batch, Loader, LoaderOptions, LoaderSource } from "../../src/data/loader.js";
import { picture } from "./transform-numbers.js";

export function pixelSource(size: number, height = 12, width = 10, channels = 3): LoaderSource {
  const data = new Uint8Array(new SharedArrayBuffer(size * height * width * channels));
  for (let i = 0; i < size; i++) data.set(picture(height, width, channels, i).data, i * height * width * channels);
  return {
    size,
    labels: Int32Array.from({ length: size }, (_, i) => i % 7),
    content: { kind: "pixels", data, height, width, channels },
    name: (index) => `train/${index}`,
  };
}

export function temporaryFolder(): string {
  return mkdtempSync(path.join(tmpdir(), "lacuna-loader-"));
}

/** `size` pictures of different sizes, JPEG and PNG in turn. */
export async function writePictures(folder: string, size: number): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < size; i++) {
    const { data, height, width } = picture(20 + (i % 5) * 7, 24 + (i % 3) * 11, 3, i);
    const image = sharp(data, { raw: { width, height, channels: 3 } });
    const name = `${String(i).padStart(3, "0")}.${i % 2 === 0 ? "jpg" : "png"}`;
    writeFileSync(path.join(folder, name), await (i % 2 === 0 ? image.jpeg() : image.png()).toBuffer());
    names.push(name);
  }
  return names;
}

export function fileSource(root: string, paths: readonly string[]): LoaderSource {
  return {
    size: paths.length,
    labels: undefined,
    content: { kind: "files", root, paths },
    name: (index) => paths[index] as string,
  };
}

export const twoViews: LoaderOptions["views"] = {
  one: [{ type: "randomResizedCrop", size: [16, 14], scale: [0.2, 1] }, { type: "flip" }],
  two: [
    { type: "resize", size: [10, 12] },
    { type: "reflectPadCrop", padding: 2 },
  ],
};

export const plainOptions: LoaderOptions = {
  views: twoViews,
  batchSize: 8,
  seed: 11,
  workers: 0,
  shuffle: true,
  dropLast: false,
};

/** A batch with its pixels copied out of the ring, in a form that compares. */
export interface Kept {
  readonly at: string;
  readonly samples: number[];
  readonly labels: number[] | undefined;
  readonly pixels: Record<string, string>;
  readonly bad: readonly { sample: number; code: string }[];
}

export function keep(batch: Batch): Kept {
  const views = Object.entries(batch.views).map(([name, view]) => [name, Buffer.from(view.data).toString("base64")]);
  return {
    at: `${batch.epoch}/${batch.index}`,
    samples: [...batch.samples],
    labels: batch.labels && [...batch.labels],
    pixels: Object.fromEntries(views) as Record<string, string>,
    bad: batch.bad.map(({ sample, code }) => ({ sample, code })),
  };
}

export async function collect(
  loader: Loader,
  from: Parameters<Loader["batches"]>[0],
  untilEpoch: number,
): Promise<Kept[]> {
  const kept: Kept[] = [];
  for await (const batch of loader.batches(from, { epoch: untilEpoch })) kept.push(keep(batch));
  return kept;
}
