/** Classes without training: what the labelled pictures nearest in an encoder's features show. */
import type { Source } from "../../data/source.js";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { toImages } from "../../train/batch.js";
import type { LoadedModel } from "../../train/checkpoints/load.js";
import { middle } from "../../train/watch/held-out.js";
import { usualTemperature, voteOf } from "../probes/knn.js";
import { nearestNeighbours } from "../probes/neighbours.js";
import { bankOf, classesOf } from "./bank.js";
import type { PictureClassifier } from "./classify.js";

/** Close it; the model stays its owner's. */
export interface NeighbourClassifier extends PictureClassifier, Disposable {
  /** Neighbours that vote. */
  readonly k: number;
  /** Labelled pictures among which they are. */
  readonly labelled: number;
  close(): void;
}

/** How a classifier by neighbours is made. */
export interface NeighbourOptions {
  /** Neighbours that vote; 20 unless said, or as many as there are labelled pictures. */
  readonly k?: number;
  /** Is told the share of the labelled pictures that is done. */
  readonly onBatch?: (share: number) => void;
}

/**
 * A classifier for `classifyAll` and `evaluateClassifier` on the frozen features of any model: the k labelled pictures that are most
 * similar vote with exp(cosine / 0.07), as in `knn`, and a class's probability is its share of the votes. Labelled pictures that cannot be
 * read, or have no class, are left out.
 * @param labelled a folder for each class, or any other source with classes
 * @throws DataError "no-classes" where there are fewer than two, "no-pictures" where none can be read
 */
export async function neighbourClassifier(
  model: LoadedModel,
  labelled: Source,
  { k: most = 20, onBatch }: NeighbourOptions = {},
): Promise<NeighbourClassifier> {
  const classes = classesOf(labelled);
  const { config } = model;
  const bank = await bankOf(model, labelled, onBatch);
  const k = Math.min(most, bank.labels.length);
  const { mean, std } = config.data;
  const close = (): void => bank.features.dispose();
  return {
    classes,
    config,
    view: middle(config),
    k,
    labelled: bank.labels.length,
    probabilities: (pixels) =>
      scope(() =>
        noGrad(() => {
          const features = model.features(toImages(pixels, mean, std, config.device)).float(); // [B D]
          const found = nearestNeighbours(features, bank.features, k);
          return shares(found, bank.labels, classes.length);
        }),
      ),
    close,
    [Symbol.dispose]: close,
  };
}

/** [B C]: each row sums to 1 */
function shares(
  found: ReturnType<typeof nearestNeighbours>,
  labels: Int32Array,
  classes: number,
): Float32Array<ArrayBuffer> {
  const queries = found.indices.length / found.k;
  const result = new Float32Array(queries * classes);
  const votes = new Float64Array(classes);
  for (let query = 0; query < queries; query++) {
    voteOf(found, query, { count: found.k, labels, temperature: usualTemperature }, votes);
    const sum = votes.reduce((a, b) => a + b, 0);
    result.set(
      votes.map((vote) => vote / sum),
      query * classes,
    );
  }
  return result;
}
