import { meanPerClass } from "../../data/sources/labelled.js";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { ConfigError } from "../../errors.js";
import { zeros } from "../../tensor/creation.js";
import { Rng } from "../../tensor/random.js";
import { type Tensor, tensor } from "../../tensor/tensor.js";
import { checkLabelled, type LabelledFeatures } from "../features/extract.js";
import { classify, fitLogistic, type LogisticModel, type LogisticOptions, scores } from "./logistic.js";

export interface LinearProbeOptions extends Pick<LogisticOptions, "tolerance" | "maxIterations"> {
  /** Penalties to choose from (see LogisticOptions.l2), these and no others; a grid that widens to its best if absent. */
  readonly l2?: readonly number[];
  /** Share of the training features on which the penalty is chosen; a fifth unless said, and each fifth in turn where rows are few. */
  readonly heldOut?: number;
  /** Which rows are held out. */
  readonly seed?: number;
}

/** One penalty that was tried, and the accuracy on the held-out rows of the training features. */
export interface PenaltyChoice {
  readonly l2: number;
  readonly accuracy: number;
}

/** The classifier that was fitted to frozen features, judged on the test features; accuracies are shares, 0 to 1. */
export interface LinearProbeResult {
  /** On the test features. */
  readonly accuracy: number;
  /** Mean of the accuracy over their classes. */
  readonly meanPerClass: number;
  /** [test rows] classes */
  readonly predictions: Int32Array;
  /** The chosen penalty. */
  readonly l2: number;
  /** What was tried, strongest first; empty for a single penalty. */
  readonly choices: readonly PenaltyChoice[];
  /** The end of the grid at which the choice stands while accuracy still rises towards it; undefined where the best is inside. */
  readonly edge: "strongest" | "weakest" | undefined;
  readonly trainAccuracy: number;
  /** Mean log loss and penalty on all training features. */
  readonly loss: number;
  /** False where a fit ran out of iterations: the accuracy is still that of its last step. */
  readonly converged: boolean;
}

/** The grid before it widens, and how far it may: powers of ten. Weak penalties need most iterations: they are tried last. */
const usualPenalties = [1, 0.1, 0.01];
const widest = { strongest: 1e3, weakest: 1e-8 };

/**
 * A penalty for those who cannot choose one, because labels are few or because all of a run's probes have to share it: that of
 * ridge regression's optimum, proportional to features over rows. Its factor is measured on MAE's features of CIFAR-10
 * (width 192, four stages of training from none on; 300, 2,000 and 6,000 labels): within a point of the best of ten penalties
 * but for untrained features.
 */
export function sharedPenalty(rows: number, width: number): number {
  return Math.min(1, (0.02 * width) / rows);
}

/** A classifier fitted to frozen features, and how its penalty was found; holds no tensors. */
export interface FittedProbe extends Pick<LinearProbeResult, "l2" | "choices" | "edge" | "loss" | "converged"> {
  readonly classes: number;
  /** features [N D] -> logarithms of the classes' probabilities, up to a number of each row: float64 [N C] */
  scores(features: Tensor): Tensor;
}

/**
 * Linear probe on frozen features: multinomial logistic regression on standardised features, without augmentation. The
 * penalty is chosen on held-out rows of the training features, never on the test features; of equally good ones the
 * stronger is taken, and all training features are fitted with it. Unless penalties are given, weaker or stronger ones are
 * tried, by factors of ten, until the best has a neighbour on either side that is no better. Deterministic.
 */
export function linearProbe(
  train: LabelledFeatures,
  test: LabelledFeatures,
  options: LinearProbeOptions = {},
): LinearProbeResult {
  const classes = Math.max(checkLabelled(train, "train"), checkLabelled(test, "test"));
  const { scores: score, classes: _, ...fitted } = fitLinearProbe(train, { ...options, classes });
  const classified = ({ features }: LabelledFeatures): Int32Array =>
    scope(() => noGrad(() => score(features).argmax(1).to("int32").toArray() as Int32Array));
  const predictions = classified(test);
  return {
    ...fitted,
    accuracy: countEqual(predictions, test.labels) / test.labels.length,
    meanPerClass: meanPerClass(predictions, test.labels),
    predictions,
    trainAccuracy: countEqual(classified(train), train.labels) / train.labels.length,
  };
}

/**
 * The classifier of `linearProbe` alone, for features that are still to come.
 * @param options.classes how many there are; those of the labels unless said
 */
export function fitLinearProbe(
  train: LabelledFeatures,
  options: LinearProbeOptions & { readonly classes?: number } = {},
): FittedProbe {
  const { l2, heldOut, seed = 0, maxIterations = 1000, tolerance } = options;
  checkOptions(l2 ?? usualPenalties, heldOut ?? fifth);
  const { classes = checkLabelled(train, "train") } = options;
  const fit: Fit = { classes, maxIterations, ...(tolerance === undefined ? {} : { tolerance }) };
  const penalties = [...(l2 ?? usualPenalties)].sort((a, b) => b - a);
  const choices =
    penalties.length === 1
      ? []
      : scope(() => tryPenalties(splits(train, heldOut, seed), penalties, fit, l2 === undefined));
  const best = bestOf(choices);
  const chosen = best?.l2 ?? (penalties[0] as number);
  const standard = standardOf(train.features);
  const start = best?.models[0];
  const model = scope(() =>
    fitLogistic(standardised(train.features, standard), train.labels, { ...fit, l2: chosen, ...(start && { start }) }),
  );
  return {
    classes,
    l2: chosen,
    choices: choices.map(({ l2: penalty, accuracy }) => ({ l2: penalty, accuracy })),
    edge: edgeOf(choices),
    loss: model.loss,
    converged: [model, ...choices.flatMap(({ models }) => models)].every(({ converged }) => converged),
    scores: (features) => scores(standardised(features, standard), model.weight, model.bias),
  };
}

type Fit = Pick<LogisticOptions, "classes" | "tolerance" | "maxIterations">;

/** A penalty's fits, one for each split. */
interface Choice extends PenaltyChoice {
  readonly models: readonly LogisticModel[];
}

/** What is fitted and what judges the fit. */
interface Parts {
  readonly own: LabelledFeatures;
  readonly other: LabelledFeatures;
}

/** From the strongest penalty on, each fit starting where its neighbour ended. */
function tryPenalties(parts: readonly Parts[], penalties: readonly number[], fit: Fit, widen: boolean): Choice[] {
  const standard = parts.map(bothStandardised);
  const rows = standard.reduce((sum, { other }) => sum + other.labels.length, 0);
  const attempt = (l2: number, near: Choice | undefined): Choice => {
    const models = standard.map(({ own }, i) => {
      const start = near?.models[i];
      return fitLogistic(own.features, own.labels, { ...fit, l2, ...(start && { start }) });
    });
    const right = standard.reduce((sum, { other }, i) => sum + rightOf(models[i] as LogisticModel, other), 0);
    return { l2, accuracy: right / rows, models };
  };
  const choices: Choice[] = [];
  for (const l2 of penalties) choices.push(attempt(l2, choices.at(-1)));
  if (!widen) return choices;
  while (edgeOf(choices) === "weakest") {
    const last = choices.at(-1) as Choice;
    if (last.l2 < widest.weakest * 5) break;
    choices.push(attempt(last.l2 / 10, last));
  }
  while (edgeOf(choices) === "strongest") {
    const first = choices[0] as Choice;
    if (first.l2 > widest.strongest / 5) break;
    choices.unshift(attempt(first.l2 * 10, first));
  }
  return choices;
}

/** The choice of the highest accuracy; of equally good ones the first, here the strongest penalty. */
export function bestOf<C extends { readonly accuracy: number }>(choices: readonly C[]): C | undefined {
  return choices.reduce<C | undefined>((a, b) => (a === undefined || b.accuracy > a.accuracy ? b : a), undefined);
}

/** Where the choice has no neighbour that is as good or worse on one side: there the best may lie further out. */
function edgeOf(choices: readonly PenaltyChoice[]): LinearProbeResult["edge"] {
  const best = bestOf(choices);
  if (best === undefined) return undefined;
  if (best === choices.at(-1)) return "weakest";
  return best === choices[0] && best.accuracy > (choices[1]?.accuracy ?? 0) ? "strongest" : undefined;
}

const fifth = 0.2;
/** With at most this number of rows every fifth judges in turn: one alone would choose by luck. */
const fewRows = 1000;

/** Each row keeps its place in the order when others are added: it is keyed by (seed, row). */
function splits({ features, labels }: LabelledFeatures, share: number | undefined, seed: number): Parts[] {
  const rows = Array.from({ length: labels.length }, (_, row) => row);
  const order = new Rng(seed, "linear-probe/held-out", 0, rows)
    .uniform([])
    .argsort()
    .to("int32")
    .toArray() as Int32Array;
  const count = Math.min(labels.length - 1, Math.max(1, Math.round((share ?? fifth) * labels.length)));
  const part = (chosen: Int32Array): LabelledFeatures => ({
    features: features.indexSelect(0, tensor(chosen).toDevice(features.device)),
    labels: chosen.map((row) => labels[row] as number),
  });
  const folds = share === undefined && labels.length <= fewRows ? Math.floor(labels.length / count) : 1;
  return Array.from({ length: folds }, (_, fold) => {
    const [start, end] = [fold * count, (fold + 1) * count];
    const others = order.filter((_, place) => place < start || place >= end);
    return { own: part(others.sort()), other: part(order.slice(start, end).sort()) };
  });
}

/** What makes features standard, in plain numbers: [D] each. */
interface Standard {
  readonly mean: Float64Array;
  readonly factor: Float64Array;
}

/** Of these rows. A dimension that is constant there becomes zero, not noise. */
function standardOf(features: Tensor): Standard {
  const plain = (values: Tensor): Float64Array => values.to("float64").toArray() as Float64Array;
  return scope(() =>
    noGrad(() => {
      const mean = features.mean([0]); // [D]
      const deviation = features.std([0], 0); // [D]
      const varies = deviation.gt(mean.abs().mul(1e-6)); // float32 rounding of a constant is below
      const none = zeros(deviation.shape, { dtype: deviation.dtype, device: deviation.device });
      return { mean: plain(mean), factor: plain(deviation.reciprocal().where(varies, none)) };
    }),
  );
}

/** [N D] -> [N D] */
function standardised(features: Tensor, { mean, factor }: Standard): Tensor {
  const row = (values: Float64Array): Tensor => tensor(values).to(features.dtype).toDevice(features.device); // [D]
  return scope(() => noGrad(() => features.sub(row(mean)).mul(row(factor))));
}

/** Both parts, with the first one's mean and deviation. */
function bothStandardised({ own, other }: Parts): Parts {
  const standard = standardOf(own.features);
  const apply = ({ features, labels }: LabelledFeatures): LabelledFeatures => ({
    features: standardised(features, standard),
    labels,
  });
  return { own: apply(own), other: apply(other) };
}

function rightOf(model: LogisticModel, { features, labels }: LabelledFeatures): number {
  return countEqual(classify(model, features), labels);
}

function countEqual(predicted: Int32Array, labels: Int32Array): number {
  return predicted.reduce((sum, label, row) => sum + (label === labels[row] ? 1 : 0), 0);
}

function checkOptions(l2: readonly number[], heldOut: number): void {
  if (l2.length === 0 || !l2.every((value) => value > 0)) {
    throw new ConfigError({
      problem: `expected positive penalties, at least one, got [${l2.join(", ")}].`,
      code: "penalties",
      path: "l2",
      expected: "positive numbers",
      actual: l2,
    });
  }
  if (!(heldOut > 0 && heldOut < 1)) {
    throw new ConfigError({
      problem: `expected a share between 0 and 1, got ${heldOut}.`,
      code: "held-out-share",
      path: "heldOut",
      expected: "between 0 and 1",
      actual: heldOut,
    });
  }
}
