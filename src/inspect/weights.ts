/** What updates and features say: an encoder that does not move, moves too far, or gives all pictures one answer. */
import type { RunEvent, RunFile, StepEvent } from "../runs/schema.js";
import { median } from "../runs/summary.js";
import { type Evidence, type Finding, lastProbe, percent, type Suspect, show } from "./finding.js";

/** Between what healthy and sick runs showed: records/2026-11-25-verdict. */
const limits = {
  /** Largest ‖change‖ / ‖weights‖ of a part of the encoder: healthy up to 0.0114, rate × 30 0.047, no warm-up 0.063. */
  update: 0.023,
  /** Share of the weights that decay takes in a step: 5e-5 where all is well, 0.12 where features collapsed. */
  decay: 0.005,
  /** A warm-up shorter than this share of the run is none. */
  warmup: 0.01,
  /** A clipped norm of less than this share of the gradient's. */
  clip: 0.01,
  /** Steps measured before an encoder is called frozen. */
  frozen: 3,
  /** Steps after the warm-up before features count: healthy ones have a rank of 2 at its end, and of 8 later. */
  settledSteps: 100,
  /** featureStd is 1 for features that fill all directions alike, 0 for one point. */
  featureStd: 0.02,
  /** The effective rank of features that all lie on one line is 1. */
  featureRank: 2,
} as const;

/** What is known of the weights' way. */
export interface Movement {
  /** Largest update ratio of a part of the encoder. */
  readonly largest: number;
  readonly at: number;
  readonly part: string;
  readonly isFrozen: boolean;
  /** The encoder moves, and nothing else does. */
  readonly isRestFrozen: boolean;
}

export function movement(events: readonly RunEvent[]): Movement | undefined {
  const rates = new Map(events.flatMap((event) => (event.type === "step" ? [[event.step, event.learningRate]] : [])));
  const updates = events.filter((event) => event.type === "update" && (rates.get(event.step) ?? 0) > 0);
  let found: Movement = { largest: 0, at: 0, part: "", isFrozen: false, isRestFrozen: false };
  let [still, stillRest, count] = [0, 0, 0];
  for (const event of updates) {
    if (event.type !== "update") continue;
    const { rest = 0, ...encoder } = event.ratios;
    count++;
    const moves = Object.values(encoder).some((ratio) => ratio > 0);
    if (rest > 0 && !moves) still++;
    if (event.ratios["rest"] === 0 && moves) stillRest++;
    for (const [part, ratio] of Object.entries(encoder))
      if (ratio > found.largest) found = { ...found, largest: ratio, at: event.step, part };
  }
  const always = (steps: number): boolean => steps >= limits.frozen && steps === count;
  return count === 0 ? undefined : { ...found, isFrozen: always(still), isRestFrozen: always(stillRest) };
}

const frozenRest: Finding = {
  status: "frozen",
  suspect: "frozen-rest",
  headline: "All but the encoder is frozen: no step changed the weights of its decoder or heads.",
  causes: [
    "Their parameters require no gradient (setRequiresGrad), or their part of the rate is zero.",
    "The encoder then learns to serve a decoder or heads that are random.",
  ],
};

/** @param isPretraining a classifier on a frozen encoder is meant to be one */
export function frozen(moved: Movement | undefined, isPretraining: boolean): Finding | undefined {
  if (moved?.isRestFrozen === true) return frozenRest;
  if (moved?.isFrozen !== true || !isPretraining) return undefined;
  return {
    status: "frozen",
    suspect: "frozen-encoder",
    headline: "The encoder is frozen: no step changed its weights, only the rest of the model learns.",
    causes: [
      "Its parameters require no gradient (setRequiresGrad), its loss is detached, or its part of the rate is zero.",
      "The loss may fall all the same, since the decoder learns; the features stay those before training.",
    ],
  };
}

export interface CollapseSetting {
  readonly warmup: number;
  readonly culprit: Culprit | undefined;
  /** Whether a constant answer may be the loss's best one: losses that compare what the model itself makes. */
  readonly canBeConstant: boolean;
}

export function collapsed(
  events: readonly RunEvent[],
  { warmup, culprit, canBeConstant }: CollapseSetting,
  evidence: Evidence,
): Finding | undefined {
  const since = warmup + limits.settledSteps;
  const last = (name: string): number | undefined => lastProbe(events, name, since);
  const [deviation, rank] = [last("featureStd"), last("featureRank")];
  if (deviation !== undefined) evidence["featureStd"] = deviation;
  if (rank !== undefined) evidence["featureRank"] = rank;
  const isPoint = deviation !== undefined && deviation < limits.featureStd;
  const isLine = rank !== undefined && rank < limits.featureRank;
  if (!isPoint && !isLine) return undefined;
  const what = isPoint ? "all pictures have nearly the same features" : "all features lie on one line";
  const causes = [
    ...(canBeConstant
      ? [
          "The loss can be met by a constant answer: check the stop-gradient, the predictor or the centring of the method.",
        ]
      : []),
    "The learning rate may be too high; try a third of it.",
    "The weight decay may be too strong for the length of the run.",
  ];
  const headline = `The features collapsed: ${what}.`;
  if (culprit === undefined) return { status: "collapsed", headline, causes };
  const { suspect, cause } = culprit;
  return { status: "collapsed", headline, causes: [cause, ...causes.slice(0, 1)], suspect };
}

/** Gradients that clipping leaves next to nothing of; a cause of nothing but that a run does not learn. */
export function clippedAway(
  { config }: Partial<Pick<RunFile, "config">>,
  steps: readonly StepEvent[],
  evidence: Evidence,
): Culprit | undefined {
  const { clipNorm } = (config?.["optim"] ?? {}) as { clipNorm?: number };
  const usual = median(
    steps.flatMap(({ gradNorm }) => (gradNorm !== null && Number.isFinite(gradNorm) ? [gradNorm] : [])),
  );
  if (clipNorm === undefined || clipNorm > limits.clip * usual) return undefined;
  Object.assign(evidence, { clipNorm, gradNormUsual: usual });
  const cause = `Gradients are cut from ${show(usual)} to ${show(clipNorm)}, which leaves next to nothing of them: leave optim.clipNorm out, or set it near ${show(usual)}.`;
  return { suspect: "clipping", cause };
}

export interface Culprit {
  readonly suspect: Suspect;
  readonly cause: string;
}

/** Which setting moves the weights too far, if one does. */
export function culpritOf(
  moved: Movement | undefined,
  run: Pick<RunFile, "derived"> & Partial<Pick<RunFile, "config">>,
  evidence: Evidence,
): Culprit | undefined {
  const { learningRate = 0, warmupSteps = 0, steps = 0 } = run.derived;
  const optim = run.config?.["optim"] as { weightDecay?: number; warmupEpochs?: number } | undefined;
  const decay = learningRate * (optim?.weightDecay ?? 0);
  if (moved !== undefined) evidence["largestUpdate"] = moved.largest;
  if (decay > limits.decay) {
    evidence["decayPerStep"] = decay;
    const cause = `Weight decay takes ${percent(decay)} of the weights away in each step, which no gradient makes up for: the usual optim.weightDecay is 0.05.`;
    return { suspect: "weight-decay", cause };
  }
  if (moved === undefined || moved.largest <= limits.update) return undefined;
  const far = `A step moved ${moved.part} by ${percent(moved.largest)} of its size (step ${moved.at}); in healthy runs it is a per cent at most`;
  if (warmupSteps <= limits.warmup * steps && moved.at <= Math.max(2, 0.05 * steps)) {
    return {
      suspect: "warm-up",
      cause: `${far}. There is no warm-up: set optim.warmupEpochs to a tenth of the epochs.`,
    };
  }
  return { suspect: "learning-rate", cause: `${far}: the learning rate is too high. Try a tenth of it.` };
}
