import { ConfigError } from "../engine/errors.js";
import { noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { zeros } from "../tensor/creation.js";
import { Rng } from "../tensor/random.js";
import { tensor } from "../tensor/tensor.js";
import { checkLabelled, type LabelledFeatures } from "./features.js";
import { classify, fitLogistic, type LogisticModel, type LogisticOptions } from "./logistic.js";

export interface LinearProbeOptions extends Pick<LogisticOptions, "tolerance" | "maxIterations"> {
  /** Penalties to choose from (see LogisticOptions.l2). */
  readonly l2?: readonly number[];
  /** Share of the training features on which the penalty is chosen. */
  readonly heldOut?: number;
  /** Which rows are held out. */
  readonly seed?: number;
}

export interface LinearProbeResult {
  /** On the test features. */
  readonly accuracy: number;
  /** The chosen penalty. */
  readonly l2: number;
  /** Accuracy on the held-out part for each penalty, strongest first. */
  readonly choices: readonly { readonly l2: number; readonly accuracy: number }[];
  readonly trainAccuracy: number;
  /** Mean log loss and penalty on all training features. */
  readonly loss: number;
  /** False where a fit ran out of iterations: the accuracy is still that of its last step. */
  readonly converged: boolean;
}

/**
 * Linear probe on frozen features: multinomial logistic regression on standardised features, without augmentation. The
 * penalty is chosen on a held-out part of the training features, never on the test features; of equally good ones the
 * stronger is taken, and all training features are fitted with it. Deterministic.
 */
export function linearProbe(
  train: LabelledFeatures,
  test: LabelledFeatures,
  options: LinearProbeOptions = {},
): LinearProbeResult {
  const { l2 = [1, 0.1, 0.01, 0.001], heldOut = 0.2, seed = 0, ...limits } = options;
  checkOptions(l2, heldOut);
  const fit: Fit = { classes: Math.max(checkLabelled(train, "train"), checkLabelled(test, "test")), ...limits };
  const penalties = [...l2].sort((a, b) => b - a);
  const choices =
    penalties.length === 1 ? [] : scope(() => tryPenalties(heldOutParts(train, heldOut, seed), penalties, fit));
  const best = choices.reduce<Choice | undefined>(
    (a, b) => (a === undefined || b.accuracy > a.accuracy ? b : a),
    undefined,
  );
  const chosen = best?.l2 ?? (penalties[0] as number);
  return scope(() => {
    const { own, other } = standardised(train, test);
    const model = fitLogistic(own.features, own.labels, { ...fit, l2: chosen, ...(best && { start: best.model }) });
    return {
      accuracy: accuracyOf(model, other),
      l2: chosen,
      choices: choices.map(({ l2: penalty, accuracy }) => ({ l2: penalty, accuracy })),
      trainAccuracy: accuracyOf(model, own),
      loss: model.loss,
      converged: [model, ...choices.map((choice) => choice.model)].every(({ converged }) => converged),
    };
  });
}

type Fit = Pick<LogisticOptions, "classes" | "tolerance" | "maxIterations">;

interface Choice {
  readonly l2: number;
  readonly accuracy: number;
  readonly model: LogisticModel;
}

/** What is fitted and what judges the fit. */
interface Parts {
  readonly own: LabelledFeatures;
  readonly other: LabelledFeatures;
}

/** From the strongest penalty on, each fit starting at the last one's end. */
function tryPenalties(parts: Parts, penalties: readonly number[], fit: Fit): Choice[] {
  const { own, other } = standardised(parts.own, parts.other);
  const choices: Choice[] = [];
  for (const l2 of penalties) {
    const start = choices.at(-1)?.model;
    const model = fitLogistic(own.features, own.labels, { ...fit, l2, ...(start && { start }) });
    choices.push({ l2, accuracy: accuracyOf(model, other), model });
  }
  return choices;
}

/** Each row keeps its place in the split when others are added: the order is keyed by (seed, row). */
function heldOutParts({ features, labels }: LabelledFeatures, share: number, seed: number): Parts {
  const rows = Array.from({ length: labels.length }, (_, row) => row);
  const order = new Rng(seed, "linear-probe/held-out", 0, rows)
    .uniform([])
    .argsort()
    .to("int32")
    .toArray() as Int32Array;
  const count = Math.min(labels.length - 1, Math.max(1, Math.round(share * labels.length)));
  const part = (chosen: Int32Array): LabelledFeatures => ({
    features: features.indexSelect(0, tensor(chosen).toDevice(features.device)),
    labels: chosen.map((row) => labels[row] as number),
  });
  return { own: part(order.slice(count).sort()), other: part(order.slice(0, count).sort()) };
}

/** Both parts, with the first one's mean and deviation. A dimension that is constant there becomes zero, not noise. */
function standardised(own: LabelledFeatures, other: LabelledFeatures): Parts {
  const apply = noGrad(() => {
    const mean = own.features.mean([0]); // [D]
    const deviation = own.features.std([0], 0); // [D]
    const varies = deviation.gt(mean.abs().mul(1e-6)); // float32 rounding of a constant is below
    const none = zeros(deviation.shape, { dtype: deviation.dtype, device: deviation.device });
    const factor = deviation.reciprocal().where(varies, none);
    return ({ features, labels }: LabelledFeatures) => ({
      features: noGrad(() => features.sub(mean).mul(factor)),
      labels,
    });
  });
  return { own: apply(own), other: apply(other) };
}

function accuracyOf(model: LogisticModel, { features, labels }: LabelledFeatures): number {
  const predicted = classify(model, features);
  return predicted.reduce((sum, label, row) => sum + (label === labels[row] ? 1 : 0), 0) / labels.length;
}

function checkOptions(l2: readonly number[], heldOut: number): void {
  if (l2.length === 0 || !l2.every((value) => value > 0)) {
    throw new ConfigError(`expected positive penalties, at least one, got [${l2.join(", ")}].`, {
      code: "penalties",
      path: "l2",
      expected: "positive numbers",
      actual: l2,
    });
  }
  if (!(heldOut > 0 && heldOut < 1)) {
    throw new ConfigError(`expected a share between 0 and 1, got ${heldOut}.`, {
      code: "held-out-share",
      path: "heldOut",
      expected: "between 0 and 1",
      actual: heldOut,
    });
  }
}
