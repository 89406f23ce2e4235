/** One feature vector for each picture of a source, in a file. */
import type { Batch } from "../../data/loader.js";
import type { Source } from "../../data/source.js";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { toImages } from "../../train/batch.js";
import type { LoadedModel } from "../../train/checkpoints/load.js";
import { plainLoader } from "../../train/watch/held-out.js";
import type { Unreadable } from "../classifier/classify.js";
import { FeatureFile } from "./feature-file.js";

/** What `embedSource` wrote. */
export interface Embedded {
  /** The features, and for a format without room for them the pictures' names. */
  readonly files: readonly string[];
  /** Rows that were written. */
  readonly pictures: number;
  /** Numbers in a row. */
  readonly dimensions: number;
  readonly skipped: readonly Unreadable[];
}

/**
 * Writes the features of every picture of a source that can be read, in its order: nothing is masked, nothing is random.
 * @param path ends in .npy, .safetensors or .csv; names stand in `<path>.names.txt`, or in the first column of a CSV
 * @param options pictures at a time (64 unless said); `onBatch` is told the share that is done @throws FileError
 */
export async function embedSource(
  model: LoadedModel,
  source: Source,
  path: string,
  options: { readonly batchSize?: number; readonly onBatch?: (share: number) => void } = {},
): Promise<Embedded> {
  const { config, encoder } = model;
  // Every picture that can be read counts, however many cannot.
  const lenient = { ...config, data: { ...config.data, maxBadShare: 1 } };
  const batchSize = Math.max(1, Math.min(options.batchSize ?? 64, source.size));
  await using loader = plainLoader(lenient, source, batchSize);
  using file = new FeatureFile(path, encoder.width, source.size, { model: model.path, step: String(model.step) });
  const skipped: Unreadable[] = [];
  let [seen, written] = [0, 0];
  for await (const batch of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 })) {
    skipped.push(...batch.bad.map(({ path: picture, reason }) => ({ path: picture, reason })));
    const rows = ownRows(batch, seen);
    const values = featuresOf(model, batch);
    const own = new Float32Array(rows.length * encoder.width);
    for (const [to, row] of rows.entries())
      own.set(values.subarray(row * encoder.width, (row + 1) * encoder.width), to * encoder.width);
    file.add(
      rows.map((row) => source.name(seen + row)),
      own,
    );
    seen += batch.samples.length;
    written += rows.length;
    options.onBatch?.(seen / source.size);
  }
  return { files: file.finish(), pictures: written, dimensions: encoder.width, skipped };
}

/** Rows of a batch whose picture is the one in turn: the loader puts another in the place of one that cannot be read. */
export function ownRows({ samples }: Pick<Batch, "samples">, first: number): number[] {
  return Array.from(samples.keys()).filter((row) => samples[row] === first + row);
}

/** [B D], row by row */
function featuresOf(model: LoadedModel, { views }: Batch): Float32Array {
  const view = views["image"];
  if (view === undefined) return new Float32Array();
  const { mean, std } = model.config.data;
  return scope(() =>
    noGrad(() =>
      model
        .features(toImages(view, mean, std, model.config.device))
        .toDevice("cpu")
        .float()
        .toArray(),
    ),
  ) as Float32Array;
}
