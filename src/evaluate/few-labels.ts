import { DataError } from "../data/errors.js";
import type { Source } from "../data/source.js";
import { chooseLabelled, type LabelChoice } from "../data/sources/labelled.js";
import { noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { type Spread, spread } from "../runs/summary.js";
import { tensor } from "../tensor/tensor.js";
import type { LoadedModel } from "../train/checkpoints/load.js";
import { eachEncoder, type FeatureSetting, withFeatures } from "./encoder.js";
import type { LabelledFeatures } from "./features/extract.js";
import { type KnnResult, knn } from "./probes/knn.js";
import { type LinearProbeResult, linearProbe, sharedPenalty } from "./probes/linear-probe.js";

/** How many labels: `{ perClass: 10 }` or `{ fraction: 0.01 }`. */
export type LabelCount = Omit<LabelChoice, "seed">;

/** Top-1 accuracies of one encoder with one number of labels, over the draws. */
export interface FewLabelsRow extends Spread {
  readonly encoder: string;
  readonly protocol: "k-NN" | "linear";
  /** `10` of each class, or `1%` of all. */
  readonly labels: string;
  /** Of the means over the classes. */
  readonly meanPerClass: Spread;
}

/**
 * k-NN and linear probe on the frozen features of the model's encoder with some of the labels, beside the same of raw pixels and of
 * the encoder before training. @param setting labelled pictures, as `openTrainTest` gives them; `counts` as `affordableLabels`
 * gives them unless said @throws DataError "few-labels" where a class has fewer pictures, before anything is computed
 */
export async function evaluateFewLabels(
  model: LoadedModel,
  setting: Omit<FeatureSetting, "config"> & {
    readonly counts?: readonly LabelCount[];
    /** A draw each; 0, 1 and 2 unless said. */
    readonly seeds?: readonly number[];
  },
): Promise<FewLabelsRow[]> {
  const { counts, seeds = [0, 1, 2], ...features } = setting;
  const affordable = affordableLabels(setting.train, counts);
  const rows = await eachEncoder(model, (encoder) =>
    withFeatures(encoder, { ...features, config: model.config }, ({ train, test }) =>
      affordable.flatMap((count): FewLabelsRow[] => {
        const { knn, linear, meanPerClass } = fewLabels(train, test, { labels: count, seeds });
        const row = { encoder: encoder.name, labels: labelsText(count) };
        return [
          { ...row, protocol: "k-NN", ...spread(knn), meanPerClass: spread(meanPerClass.knn) },
          { ...row, protocol: "linear", ...spread(linear), meanPerClass: spread(meanPerClass.linear) },
        ];
      }),
    ),
  );
  return rows.flat();
}

/** `10` of each class, or `1%` of all labels. */
export function labelsText({ perClass, fraction = 1 }: LabelCount): string {
  return perClass === undefined ? `${Number((100 * fraction).toPrecision(12))}%` : `${perClass}`;
}

const usualCounts = [1, 4, 10, 25, 100].map((perClass): LabelCount => ({ perClass }));

/**
 * What was asked for, or what of 1, 4, 10, 25 and 100 labels every class has.
 * @throws DataError "few-labels" naming the class that has too few
 */
export function affordableLabels(
  { classes = [], labels = new Int32Array() }: Pick<Source, "classes" | "labels">,
  asked?: readonly LabelCount[],
): LabelCount[] {
  const pictures = classes.map((_, label) => labels.filter((one) => one === label).length);
  const fewest = Math.min(...pictures);
  const fits = ({ perClass = 0 }: LabelCount): boolean => perClass <= fewest;
  const beyond = asked?.find((count) => !fits(count));
  if (beyond === undefined) return [...(asked ?? usualCounts.filter(fits))];
  throw new DataError({
    code: "few-labels",
    path: "labels",
    expected: `at most ${fewest} of each class`,
    actual: `${labelsText(beyond)}; ${classes[pictures.indexOf(fewest)]} has ${fewest} pictures to draw from`,
    remedy: "Ask for fewer, or for a share such as 10%.",
  });
}

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
  { labels, seeds }: { readonly labels: LabelCount; readonly seeds: readonly number[] },
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
