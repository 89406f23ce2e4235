/** Classifiers that labelled pictures make of any encoder, and what a command says of them. */
import type { LoadedModel, Source } from "../../index.js";
import type { PictureClassifier } from "../../public/evaluate.js";
import { whole } from "../words.js";

/** A classifier by labelled pictures, and what is said of it. */
export interface ByLabels {
  readonly classifier: PictureClassifier;
  readonly said: string;
  readonly warnings: readonly string[];
  /** For JSON. */
  readonly by: object;
  close(): void;
}

/** The nearest of them vote. @param most how many, unless there are fewer */
export async function byNeighbours(
  model: LoadedModel,
  labelled: Source,
  onBatch: (share: number) => void,
  most: number | undefined,
): Promise<ByLabels> {
  const { neighbourClassifier } = await import("../../public/evaluate.js");
  const classifier = await neighbourClassifier(model, labelled, {
    ...(most === undefined ? {} : { k: most }),
    onBatch,
  });
  const { k, labelled: count } = classifier;
  const said = `by the ${k} nearest of ${whole(count)} labelled pictures`;
  return { classifier, said, warnings: [], by: { labelled: count, k }, close: classifier.close };
}

/** The exact linear probe. */
export async function byProbe(
  model: LoadedModel,
  labelled: Source,
  onBatch: (share: number) => void,
): Promise<ByLabels> {
  const { probeClassifier } = await import("../../public/evaluate.js");
  const classifier = await probeClassifier(model, labelled, { onBatch });
  const { l2, labelled: count, converged } = classifier;
  const said = `by the linear probe of ${whole(count)} labelled pictures (penalty ${l2})`;
  const warnings = converged
    ? []
    : ["The probe ran out of iterations: what it says may be a little worse than it could."];
  return { classifier, said, warnings, by: { labelled: count, l2 }, close: () => {} };
}
