/** What the loss alone says of a run. */
import type { RunEvent, StepEvent } from "../runs/schema.js";
import { median } from "../runs/summary.js";
import { type Evidence, type Finding, show } from "./finding.js";
import { isFalling, jumpSize, type Shape } from "./shape.js";
import type { Culprit } from "./weights.js";

/** From the healthy curves of the reference and sick ones made from them; runs made sick: records/2026-11-25-verdict. */
const limits = {
  /** Steps with a loss before anything is said about learning. */
  steps: 100,
  /** Steps after the warm-up before anything is said about a loss that does not fall. */
  settledSteps: 100,
  /** Near the baseline: healthy runs are 3 % below it before the warm-up ends. */
  nearBaseline: 0.97,
  /** A loss that still falls by this share in a quarter of the run so far may leave the baseline yet (a small EMAE did). */
  crawl: 0.005,
  /** A loss that fell by less than this share since the start does not learn. */
  fall: 0.02,
  jumps: 3,
} as const;

/** Runs of versions that did not say it were all masked autoencoders. */
const usualAnswer = "predicting the mean";

export function notFinite(
  steps: readonly StepEvent[],
  events: readonly RunEvent[],
  culprit: Culprit | undefined,
  evidence: Evidence,
): Finding | undefined {
  const broken = steps.find(({ loss }) => !Number.isFinite(loss));
  const told = events.findLast(
    (event) =>
      (event.type === "warning" && event.code === "non-finite") ||
      (event.type === "end" && event.reason === "failed" && /not finite/.test(event.message ?? "")),
  );
  const at = broken?.step ?? told?.step;
  if (at === undefined) return undefined;
  evidence["nonFiniteStep"] = at;
  const headline = `The run diverged: at step ${at} the loss was no longer a number.`;
  return { status: "diverged", headline, ...blamed(divergenceCauses(steps, at, evidence), culprit) };
}

export function tooEarly(
  steps: readonly StepEvent[],
  shape: Shape | undefined,
  { ended }: Pick<Setting, "ended">,
  evidence: Evidence,
): Finding | undefined {
  if (shape !== undefined && (steps.at(-1)?.step ?? 0) >= limits.steps) return undefined;
  const done = evidence["steps"] as number;
  const headline = ended
    ? `The run is finished, and too short to judge: ${done} steps, where ${limits.steps} are needed.`
    : `It is too early to tell: ${done} steps of the ${limits.steps} that it takes.`;
  return { status: "too-early", headline, causes: [] };
}

export function risen(
  steps: readonly StepEvent[],
  shape: Shape,
  { jumps, culprit }: { readonly jumps: number; readonly culprit: Culprit | undefined },
  evidence: Evidence,
): Finding | undefined {
  const { levels, best, bestIndex, recent } = shape;
  const threshold = best + jumpSize(shape);
  const begin = levels.findLastIndex((level) => level < threshold) + 1;
  const staying = levels.length - begin;
  // A loss that always came back so far may do so once more: wait longer before it is given up.
  const patience = jumps >= limits.jumps ? levels.length / 4 : Math.max(3, levels.length / 13);
  if (begin <= bestIndex || staying < patience) return undefined;
  const at = steps[Math.min(steps.length - 1, Math.floor((begin * steps.length) / levels.length))]?.step ?? 0;
  Object.assign(evidence, { roseAtStep: at, rise: recent - best });
  const headline = `The run diverged: the loss rose from ${show(best)} to ${show(recent)} near step ${at} and stays there.`;
  return { status: "diverged", headline, ...blamed(divergenceCauses(steps, at, evidence), culprit) };
}

export interface Setting {
  readonly warmup: number;
  readonly baseline: number | undefined;
  /** What a model with the loss `baseline` does, as the method says it. */
  readonly answer: string | undefined;
  readonly ended: boolean;
  readonly culprit: Culprit | undefined;
}

/** Of a loss that says little: nothing is known while the warm-up lasts, and for a while after it. */
export function unsettled(steps: readonly StepEvent[], { warmup, ended }: Setting): Finding | undefined {
  const last = steps.at(-1)?.step ?? 0;
  if (ended || last >= warmup + limits.settledSteps) return undefined;
  const reason = last < warmup ? `the warm-up lasts until step ${warmup}` : `the warm-up ended at step ${warmup}`;
  return { status: "too-early", headline: `It is too early to tell: ${reason}.`, causes: [] };
}

export function stuck(
  steps: readonly StepEvent[],
  shape: Shape,
  setting: Setting,
  evidence: Evidence,
): Finding | undefined {
  const { baseline, answer = usualAnswer, warmup, ended, culprit } = setting;
  const { recent, first } = shape;
  const last = steps.at(-1)?.step ?? 0;
  if (baseline !== undefined) evidence["baseline"] = baseline;
  const isStuck =
    baseline === undefined
      ? first - recent < Math.max(limits.fall * Math.abs(first), 3 * shape.noise)
      : recent >= limits.nearBaseline * baseline;
  if (!isStuck) return undefined;
  if (!ended && (last < warmup + limits.settledSteps || isFalling(shape, limits.crawl))) {
    const reason = last < warmup ? `the warm-up lasts until step ${warmup}` : "the loss is still on its way down";
    const headline = `It is too early to tell: ${reason}.`;
    return { status: "too-early", headline, causes: [] };
  }
  const causes = [
    "The learning rate may be too low, or so high that nothing is learned: try three times and a third of it.",
    "Look at a preview: if the pictures are blank or noise, the data or their normalisation is wrong.",
    "The run may be too short for this model; a smaller patch or a smaller model learns sooner.",
  ];
  // Beside a rate known to be too high, the guess at the rate would contradict.
  const others = culprit === undefined ? causes : causes.slice(1);
  if (baseline === undefined) {
    const headline = `The run does not learn: the loss is ${show(recent)} and began at ${show(first)}.`;
    return { status: "not-learning", headline, ...blamed(others, culprit) };
  }
  const headline = `The run does no better than ${answer}, whose loss is ${show(baseline)}: its own is ${show(recent)}.`;
  return { status: "predict-the-mean", headline, ...blamed(others, culprit) };
}

export function jumping(jumps: number, culprit: Culprit | undefined): Finding | undefined {
  if (jumps < limits.jumps) return undefined;
  const headline = `The run is unstable: the loss jumped up and came back ${jumps} times.`;
  const causes = [
    "The learning rate is near the edge: halve it, or clip gradients.",
    "If the jumps come once an epoch, the order of the pictures may not be shuffled.",
    "The batch may be too small for this rate.",
  ];
  return { status: "unstable", headline, ...blamed(causes, culprit) };
}

export function healthy({ first, recent }: Shape, { baseline, answer = usualAnswer }: Setting): Finding {
  const against = baseline === undefined ? "" : `, below the ${show(baseline)} of ${answer}`;
  const headline = `The run looks normal: the loss fell from ${show(first)} to ${show(recent)}${against}.`;
  return { status: "normal", headline, causes: [] };
}

function divergenceCauses(steps: readonly StepEvent[], at: number, evidence: Evidence): string[] {
  const before = steps.filter(({ step, gradNorm }) => step < at && gradNorm !== null && Number.isFinite(gradNorm));
  const norms = before.map(({ gradNorm }) => gradNorm as number);
  const usual = median(norms);
  const peak = norms.slice(-20).reduce((a, b) => Math.max(a, b), 0);
  const rate = steps.findLast(({ step }) => step <= at)?.learningRate;
  if (rate !== undefined) evidence["learningRate"] = rate;
  const lower = `The learning rate${rate === undefined ? "" : ` (${rate.toExponential(1)} at that step)`} may be too high: halve it.`;
  const warm = "A longer warm-up helps where it happens in the first tenth of the run.";
  const precision = "Try float32: if the run is then well, a value left the range of the lower precision.";
  const data = "Look at the pictures of that batch; run lacuna doctor on the folder.";
  if (norms.length === 0 || peak < 10 * usual) return [lower, warm, precision, data];
  Object.assign(evidence, { gradNormUsual: usual, gradNormPeak: peak });
  const times = Math.round(peak / usual);
  return [
    `Gradients grew to ${times} times their usual size just before: clip them, e.g. at ${show(2 * usual)}.`,
    lower,
    warm,
    precision,
  ];
}

/** The cause that the evidence points to comes first. */
function blamed(causes: readonly string[], culprit: Culprit | undefined): Pick<Finding, "causes" | "suspect"> {
  return culprit === undefined ? { causes } : { causes: [culprit.cause, ...causes], suspect: culprit.suspect };
}

export function hasEnded(events: readonly RunEvent[]): boolean {
  const last = events.findLast(({ type }) => type === "end" || type === "start");
  return last?.type === "end" && last.reason === "finished";
}
