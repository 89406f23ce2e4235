/** Labelled pictures by which others are classified, as frozen features. */
import { DataError } from "../../data/errors.js";
import type { Source } from "../../data/source.js";
import { noGrad } from "../../engine/modes.js";
import { tensor } from "../../tensor/tensor.js";
import type { LoadedModel } from "../../train/checkpoints/load.js";
import { plainLoader } from "../../train/watch/held-out.js";
import { type Extracted, extractFeatures, type LabelledFeatures } from "../features/extract.js";

/** Their names. @throws DataError "no-classes" where there are fewer than two */
export function classesOf({ classes = [] }: Source): readonly string[] {
  if (classes.length > 1) return classes;
  throw new DataError({
    code: "no-classes",
    path: "labels",
    expected: "two classes or more",
    actual: `${classes.length}`,
    remedy: "Put the labelled pictures of each class into a folder of its own.",
  });
}

/**
 * Features of the labelled pictures, each once; what cannot be read or has no class is left out. The caller disposes of them.
 * @throws DataError "no-pictures" where none is left
 */
export async function bankOf(
  model: LoadedModel,
  labelled: Source,
  onBatch: ((share: number) => void) | undefined,
): Promise<LabelledFeatures> {
  const { config } = model;
  const lenient = { ...config, data: { ...config.data, maxBadShare: 1 } };
  await using loader = plainLoader(lenient, labelled, Math.min(64, labelled.size));
  const { mean, std } = config.data;
  let done = 0;
  const encode: LoadedModel["features"] = (images) => {
    done += images.side(0);
    onBatch?.(Math.min(1, done / labelled.size));
    return model.features(images);
  };
  const batches = loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 });
  const all = await extractFeatures(encode, batches, { mean, std, device: config.device });
  try {
    return ownRows(all);
  } finally {
    all.features.dispose();
  }
}

/** Without what stands in the place of a picture that cannot be read, and without pictures that have no class. */
function ownRows({ features, labels = new Int32Array(), samples }: Extracted): LabelledFeatures {
  const rows = Array.from(samples.keys()).filter((row) => samples[row] === row && (labels[row] ?? -1) >= 0);
  if (rows.length === 0)
    throw new DataError({
      code: "no-pictures",
      path: "labels",
      expected: "labelled pictures that can be read",
      actual: "none",
    });
  const index = tensor(Int32Array.from(rows), [rows.length], { device: features.device });
  try {
    return {
      features: noGrad(() => features.indexSelect(0, index)),
      labels: Int32Array.from(rows, (row) => labels[row] as number),
    };
  } finally {
    index.dispose();
  }
}
