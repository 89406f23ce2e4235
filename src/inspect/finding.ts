/** What a check of a run finds, and the words they share. */
import type { RunEvent } from "../runs/schema.js";

/**
 * - `bad-input`: what reaches the model cannot be learned from: blank, all the same, wrapped round, shuffled, or normalised wrongly
 * - `failed`: an error ended the run; `stopped`: it was interrupted or killed; what it learned until then may be well
 * - `diverged`: a loss of NaN, or one that rose well above its best and stays there
 * - `frozen`: the weights of the encoder, or of all the rest, do not change
 * - `unhealthy`: a quantity that the method watches (its `health`) is beyond its limit
 * - `collapsed`: pictures no longer differ in the features (probes featureStd, featureRank)
 * - `below-untrained`: the features classify worse than before training
 * - `below-frozen`: a fine-tuned classifier is worse than k-NN or the linear probe of the encoder that it began with
 * - `predict-the-mean`: the loss is where a model is that learned nothing but the mean
 * - `not-learning`: the same for a loss whose such level is not known: it does not fall
 * - `unstable`: the loss jumps up and comes back, again and again
 * - `off-reference`: learns, but not as the recorded runs of the same configuration
 * - `data-bound`: learns, but waits for data more than a fifth of the time
 * - `too-early`: not enough steps to tell
 */
export type VerdictStatus =
  | "normal"
  | "failed"
  | "stopped"
  | "bad-input"
  | "diverged"
  | "frozen"
  | "unhealthy"
  | "collapsed"
  | "below-untrained"
  | "below-frozen"
  | "predict-the-mean"
  | "not-learning"
  | "unstable"
  | "off-reference"
  | "data-bound"
  | "too-early";

/** The likeliest cause, where the evidence points to one. */
export type Suspect =
  | "normalisation"
  | "constant-pictures"
  | "faint-pictures"
  | "same-pictures"
  | "wrapped-bytes"
  | "shuffled-patches"
  | "frozen-encoder"
  | "frozen-rest"
  | "clipping"
  | "learning-rate"
  | "warm-up"
  | "weight-decay";

export type Evidence = Record<string, number>;

export interface Finding {
  readonly status: VerdictStatus;
  /** One plain sentence. */
  readonly headline: string;
  /** What may be behind it and what to do, the likeliest first; empty where all is well. */
  readonly causes: readonly string[];
  readonly suspect?: Suspect;
}

/** Three digits. */
export function show(value: number): string {
  return Number(value.toPrecision(3)).toString();
}

export function percent(share: number): string {
  return `${show(100 * share)} %`;
}

/** The last value of a probe, if it was measured at this step or later. */
export function lastProbe(events: readonly RunEvent[], name: string, since: number): number | undefined {
  const last = events.filter((event) => event.type === "probe").findLast((probe) => probe.name === name);
  return last === undefined || last.step < since ? undefined : last.value;
}
