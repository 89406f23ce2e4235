import { chooseLabelled, type LabelChoice } from "../data/sources/labelled.js";
import { noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { tensor } from "../tensor/tensor.js";
import type { LabelledFeatures } from "./features.js";
import { type KnnResult, knn } from "./knn.js";
import { type LinearProbeResult, linearProbe, sharedPenalty } from "./linear-probe.js";

/** Accuracies from 0 to 1; that of each seed stands at its place. */
export interface FewLabels {
  readonly knn: readonly number[];
  readonly linear: readonly number[];
  /** The same as means over the classes. */
  readonly meanPerClass: { readonly knn: readonly number[]; readonly linear: readonly number[] };
}

/** Neighbours that vote, or fewer if there are fewer labels. */
const neighbours = 20;
/** With fewer labels a class there is nothing to choose a penalty on. */
const enoughToChoose = 5;

/**
 * k-NN and the exact linear probe with some of the labels, drawn by each seed; level over the classes, and nested: a smaller
 * choice of a seed is contained in its larger ones. The penalty is chosen on the drawn labels, each fifth in turn; no other label is used.
 * @throws DataError where a class has fewer pictures
 */
export function fewLabels(
  train: LabelledFeatures,
  test: LabelledFeatures,
  { labels, seeds }: { readonly labels: Omit<LabelChoice, "seed">; readonly seeds: readonly number[] },
): FewLabels {
  const judged = seeds.map((seed) =>
    scope(() => noGrad(() => judge(subset(train, { ...labels, seed } as LabelChoice), test))),
  );
  const each = (of: (one: Judged) => number): number[] => judged.map(of);
  return {
    knn: each(({ knn: { accuracy } }) => accuracy),
    linear: each(({ linear: { accuracy } }) => accuracy),
    meanPerClass: {
      knn: each(({ knn: { meanPerClass } }) => meanPerClass),
      linear: each(({ linear: { meanPerClass } }) => meanPerClass),
    },
  };
}

function subset({ features, labels }: LabelledFeatures, choice: LabelChoice): LabelledFeatures {
  const chosen = chooseLabelled(labels, choice);
  const rows = tensor(Int32Array.from(chosen)).toDevice(features.device);
  return { features: features.indexSelect(0, rows), labels: Int32Array.from(chosen, (row) => labels[row] as number) };
}

interface Judged {
  readonly knn: KnnResult;
  readonly linear: LinearProbeResult;
}

function judge(own: LabelledFeatures, test: LabelledFeatures): Judged {
  const k = Math.min(neighbours, own.labels.length);
  const fewest = own.labels.length / new Set(own.labels).size;
  const penalties = fewest < enoughToChoose ? { l2: [sharedPenalty(own.labels.length, own.features.side(1))] } : {};
  const [near] = knn(own, test, { k: [k] }) as [KnnResult];
  return { knn: near, linear: linearProbe(own, test, penalties) };
}
