import type { Batch } from "../../data/loader.js";
import type { Source } from "../../data/source.js";
import type { Transform } from "../../data/views.js";
import type { Reading } from "../../train/reading.js";
import { inOrder } from "../../train/watch/held-out.js";

/** What classifies: as `loadClassifier` gives it. */
export interface PictureClassifier {
  readonly classes: readonly string[];
  readonly view: Transform;
  readonly config: {
    readonly seed: number;
    readonly data: Pick<Reading["data"], "channels" | "colour" | "jpeg" | "maxPixels">;
  };
  /** pixels [B H W C] -> [B K], row-major */
  probabilities(pixels: Batch["views"][string]): Float32Array;
}

/** One picture and what the classifier gave for it. */
export interface Classified {
  /** Of the source. */
  readonly sample: number;
  readonly label: number | undefined;
  /** [K] */
  readonly probabilities: Float32Array;
}

/** What could not be read. */
export interface Unreadable {
  readonly path: string;
  readonly reason: string;
}

/**
 * Classifies every picture of a source in its order, as the run judged its own. A picture that cannot be read is left out and
 * told; none is counted twice.
 * @param options pictures at a time (64 unless said); `onBatch` is told the share that is done after each batch
 */
export async function classifyAll(
  classifier: PictureClassifier,
  source: Source,
  options: { readonly batchSize?: number; readonly onBatch?: (share: number) => void } = {},
): Promise<{ pictures: Classified[]; skipped: Unreadable[] }> {
  const { config, view } = classifier;
  // Every picture that can be read counts, however many cannot.
  const reading: Reading = { ...config, data: { ...config.data, workers: "auto", maxBadShare: 1 } };
  await using loader = inOrder(reading, source, Math.min(options.batchSize ?? 64, source.size), { image: view });
  const pictures: Classified[] = [];
  const skipped: Unreadable[] = [];
  const K = classifier.classes.length;
  let seen = 0;
  for await (const { samples, labels, views, bad } of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 })) {
    skipped.push(...bad.map(({ path, reason }) => ({ path, reason })));
    const probabilities = classifier.probabilities(views["image"] as NonNullable<(typeof views)[string]>);
    for (const [row, sample] of samples.entries()) {
      if (sample !== seen + row) continue; // another stands in the place of one that cannot be read
      pictures.push({ sample, label: labels?.[row], probabilities: probabilities.slice(row * K, (row + 1) * K) });
    }
    seen += samples.length;
    options.onBatch?.(seen / source.size);
  }
  return { pictures, skipped };
}

/** The likeliest classes of a picture by name, the likeliest first; of equal ones the lower. @param probabilities [K] */
export function likeliestClasses(
  probabilities: Float32Array,
  names: readonly string[],
  count: number,
): { name: string; probability: number }[] {
  const of = (label: number): number => probabilities[label] as number;
  const order = Array.from(probabilities.keys()).sort((a, b) => of(b) - of(a) || a - b);
  return order.slice(0, Math.max(1, count)).map((label) => ({ name: names[label] as string, probability: of(label) }));
}
