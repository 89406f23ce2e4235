import { ShapeError, StateError } from "../../engine/errors.js";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { cat } from "../../tensor/creation.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type PixelBatch, toImages } from "../../train/batch.js";

/** Features and what their pictures show: what k-NN and probes work on. */
export interface LabelledFeatures {
  /** [N D] */
  readonly features: Tensor;
  /** [N] classes from 0 */
  readonly labels: Int32Array;
}

/** What the loader yields, as far as features need it. */
export interface FeatureBatch {
  readonly views: Readonly<Record<string, PixelBatch>>;
  readonly samples: Int32Array;
  readonly labels: Int32Array | undefined;
}

export interface ExtractOptions {
  /** Of each channel, of pixels 0 … 1; as in training. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly device?: string;
  /** Which view of the batches; `image` unless said. */
  readonly view?: string;
}

/** Features of a source, a row a picture. */
export interface Extracted {
  /** [N D] in the order of the batches; the caller's to dispose. */
  readonly features: Tensor;
  /** [N], undefined where the source has no classes. */
  readonly labels: Int32Array | undefined;
  /** [N] which pictures of the source these are. */
  readonly samples: Int32Array;
}

/** Runs an encoder over batches, without gradients. The encoder must be in evaluation mode: images [B C H W] -> [B D]. */
export async function extractFeatures(
  encode: (images: Tensor) => Tensor,
  batches: AsyncIterable<FeatureBatch>,
  { mean, std, device = "cpu", view = "image" }: ExtractOptions,
): Promise<Extracted> {
  const parts: Tensor[] = [];
  const samples: Int32Array[] = [];
  const labels: (Int32Array | undefined)[] = [];
  try {
    for await (const batch of batches) {
      const pixels = viewOf(batch, view);
      parts.push(scope(() => noGrad(() => encoded(encode, toImages(pixels, mean, std, device)))));
      samples.push(Int32Array.from(batch.samples));
      labels.push(batch.labels === undefined ? undefined : Int32Array.from(batch.labels));
    }
    const labelled = labels.filter((part) => part !== undefined);
    return {
      features: joined(parts),
      samples: concatenated(samples),
      labels: labelled.length === labels.length ? concatenated(labelled) : undefined,
    };
  } finally {
    for (const part of parts) part.dispose();
  }
}

function viewOf(batch: FeatureBatch, view: string): PixelBatch {
  const pixels = batch.views[view];
  if (pixels !== undefined) return pixels;
  const names = Object.keys(batch.views).join(", ");
  throw new StateError({
    problem: `the batches have no view ${view}, only ${names}.`,
    code: "missing-view",
    expected: view,
    actual: names,
  });
}

/** float32, whatever the encoder's precision: evaluators compare and sum. Cloned, so that it is no view of a larger tensor. */
function encoded(encode: (images: Tensor) => Tensor, images: Tensor): Tensor {
  const features = encode(images);
  if (features.rank !== 2 || features.side(0) !== images.side(0)) {
    throw new ShapeError({
      problem: `an encoder must give [${images.side(0)} D] for these images, got [${features.shape.join(" ")}].`,
      code: "feature-shape",
      expected: [images.side(0), "D"],
      actual: features.shape,
    });
  }
  return features.detach().float().clone();
}

function joined(parts: readonly Tensor[]): Tensor {
  if (parts.length > 0) return noGrad(() => cat(parts));
  throw new StateError({
    problem: "there were no batches to take features from.",
    code: "no-batches",
    expected: "at least one batch",
    actual: 0,
    remedy: "Check that the source holds pictures.",
  });
}

function concatenated(parts: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * How many classes the labels name.
 * @throws ShapeError where there is not one label for each row, StateError for a label below 0 or a feature that is NaN
 */
export function checkLabelled({ features, labels }: LabelledFeatures, path: string): number {
  if (features.rank !== 2 || features.side(0) !== labels.length || labels.length === 0) {
    throw new ShapeError({
      problem: `expected one label for each row of [N D], got ${labels.length} labels for [${features.shape.join(" ")}].`,
      code: "label-count",
      path,
      expected: "as many labels as rows, at least one",
      actual: labels.length,
    });
  }
  const row = labels.findIndex((label) => label < 0);
  if (row >= 0) {
    throw new StateError({
      problem: `expected a class from 0 for every row, got ${labels[row]} in row ${row}.`,
      code: "unlabelled",
      path,
      expected: "a class from 0",
      actual: labels[row],
      remedy: "Leave out pictures without a class.",
    });
  }
  if (!scope(() => noGrad(() => features.isFinite().all().item() === 1))) {
    throw new StateError({
      problem: "expected finite features, got infinities or NaN.",
      code: "non-finite-features",
      path,
      expected: "finite numbers",
      actual: "infinite or NaN",
      remedy: "The encoder has diverged, or its precision overflowed: look at the training loss.",
    });
  }
  return labels.reduce((most, label) => Math.max(most, label), 0) + 1;
}
