/** Says whether a run looks normal, from nothing but its events and run.json. */
import type { RunEvent, RunFile, StepEvent } from "../runs/schema.js";

/**
 * - `diverged`: a loss that is no number, or one that rose well above its best and stays there
 * - `collapsed`: pictures no longer differ in the features (probes featureStd, featureRank)
 * - `predict-the-mean`: the loss is where a model is that learned nothing but the mean
 * - `not-learning`: the same for a loss whose such level is not known: it does not fall
 * - `unstable`: the loss jumps up and comes back, again and again
 * - `data-bound`: learns, but waits for data more than a fifth of the time
 * - `too-early`: not enough steps to tell
 */
export type VerdictStatus =
  | "normal"
  | "diverged"
  | "collapsed"
  | "predict-the-mean"
  | "not-learning"
  | "unstable"
  | "data-bound"
  | "too-early";

export interface Verdict {
  readonly status: VerdictStatus;
  /** One plain sentence. */
  readonly headline: string;
  /** What may be behind it and what to do, the likeliest first; empty where all is well. */
  readonly causes: readonly string[];
  /** The numbers on which it rests. */
  readonly evidence: Readonly<Record<string, number>>;
}

/** Calibrated on the three healthy curves in test/reference/cifar10-mae-curve.json and on sick ones made from them. */
const limits = {
  /** Steps with a loss before anything is said about learning. */
  steps: 100,
  /** Steps after the warm-up before anything is said about a loss that does not fall. */
  settledSteps: 100,
  /** A rise counts from this share of the best loss … */
  rise: 0.15,
  /** … and this share of what the loss had fallen. */
  riseOfFall: 0.2,
  /** Times the noise between neighbouring windows. */
  noise: 6,
  /** Near the baseline: healthy runs are 3 % below it before the warm-up ends. */
  nearBaseline: 0.97,
  /** A loss that fell by less than this share since the start does not learn. */
  fall: 0.02,
  waitShare: 0.2,
  /** featureStd is 1 for features that fill all directions alike, 0 for one point. */
  featureStd: 0.02,
  /** The effective rank of features that all lie on one line is 1. */
  featureRank: 2,
  jumps: 3,
} as const;

/** Windows into which a curve is cut; each stands for its median, so that single spikes do not count. */
const windows = 40;

/** A curve without its noise. */
interface Shape {
  readonly levels: readonly number[];
  readonly noise: number;
  readonly first: number;
  readonly best: number;
  readonly bestIndex: number;
  readonly recent: number;
}

/**
 * Judges a run, finished or under way. Probes `featureStd` (mean over dimensions of the standard deviation over pictures
 * of L2-normalised features, times the root of their width) and `featureRank` (exponential of the entropy of the
 * normalised singular values, RankMe) are used where they were logged, `derived.baseline` and `derived.warmupSteps` where
 * run.json has them.
 */
export function verdict(events: readonly RunEvent[], run: Pick<RunFile, "derived">): Verdict {
  const steps = events.filter((event) => event.type === "step");
  const evidence: Record<string, number> = { steps: steps.at(-1)?.step ?? 0 };
  const warmup = warmupEnd(steps, run.derived["warmupSteps"]);
  const shape = shapeOf(steps.map(({ loss }) => loss));
  if (shape !== undefined) {
    Object.assign(evidence, { firstLoss: shape.first, bestLoss: shape.best, recentLoss: shape.recent });
  }
  const jumps = countJumps(steps, warmup);
  if (jumps > 0) evidence["jumps"] = jumps;
  const { waitShare, seconds } = waiting(steps);
  if (seconds > 0) evidence["waitShare"] = waitShare;
  return (
    notFinite(steps, events, evidence) ??
    collapsed(events, evidence) ??
    tooEarly(steps, shape, evidence) ??
    risen(steps, shape as Shape, jumps, evidence) ??
    stuck(steps, shape as Shape, { warmup, baseline: run.derived["baseline"], ended: hasEnded(events) }, evidence) ??
    jumping(jumps, evidence) ??
    dataBound(waitShare, evidence) ??
    healthy(shape as Shape, run.derived["baseline"], evidence)
  );
}

type Evidence = Record<string, number>;

function notFinite(steps: readonly StepEvent[], events: readonly RunEvent[], evidence: Evidence): Verdict | undefined {
  const broken = steps.find(({ loss }) => !Number.isFinite(loss));
  const warning = events.find((event) => event.type === "warning" && event.code === "non-finite");
  const at = broken?.step ?? warning?.step;
  if (at === undefined) return undefined;
  evidence["nonFiniteStep"] = at;
  const headline = `The run diverged: at step ${at} the loss was no longer a number.`;
  return { status: "diverged", headline, causes: divergenceCauses(steps, at, evidence), evidence };
}

function collapsed(events: readonly RunEvent[], evidence: Evidence): Verdict | undefined {
  const last = (name: string): number | undefined =>
    events.filter((event) => event.type === "probe").findLast((probe) => probe.name === name)?.value;
  const [deviation, rank] = [last("featureStd"), last("featureRank")];
  if (deviation !== undefined) evidence["featureStd"] = deviation;
  if (rank !== undefined) evidence["featureRank"] = rank;
  const isPoint = deviation !== undefined && deviation < limits.featureStd;
  const isLine = rank !== undefined && rank < limits.featureRank;
  if (!isPoint && !isLine) return undefined;
  const what = isPoint ? "all pictures have nearly the same features" : "all features lie on one line";
  const causes = [
    "The loss can be met by a constant answer: check the stop-gradient, the predictor or the centring of the method.",
    "The learning rate may be too high; try a third of it.",
    "The weight decay may be too strong for the length of the run.",
  ];
  return { status: "collapsed", headline: `The features collapsed: ${what}.`, causes, evidence };
}

function tooEarly(steps: readonly StepEvent[], shape: Shape | undefined, evidence: Evidence): Verdict | undefined {
  if (shape !== undefined && (steps.at(-1)?.step ?? 0) >= limits.steps) return undefined;
  const done = evidence["steps"] as number;
  const headline = `It is too early to tell: ${done} steps of the ${limits.steps} that it takes.`;
  return { status: "too-early", headline, causes: [], evidence };
}

function risen(steps: readonly StepEvent[], shape: Shape, jumps: number, evidence: Evidence): Verdict | undefined {
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
  return { status: "diverged", headline, causes: divergenceCauses(steps, at, evidence), evidence };
}

interface Setting {
  readonly warmup: number;
  readonly baseline: number | undefined;
  readonly ended: boolean;
}

function stuck(steps: readonly StepEvent[], shape: Shape, setting: Setting, evidence: Evidence): Verdict | undefined {
  const { baseline, warmup, ended } = setting;
  const { recent, first } = shape;
  const last = steps.at(-1)?.step ?? 0;
  if (baseline !== undefined) evidence["baseline"] = baseline;
  const isStuck =
    baseline === undefined
      ? first - recent < Math.max(limits.fall * Math.abs(first), 3 * shape.noise)
      : recent >= limits.nearBaseline * baseline;
  if (!isStuck) return undefined;
  if (!ended && (last < warmup + limits.settledSteps || isFalling(shape))) {
    const reason = last < warmup ? `the warm-up lasts until step ${warmup}` : "the loss is still on its way down";
    const headline = `It is too early to tell: ${reason}.`;
    return { status: "too-early", headline, causes: [], evidence };
  }
  const causes = [
    "The learning rate may be too low, or so high that nothing is learned: try three times and a third of it.",
    "Look at a preview: if the pictures are blank or noise, the data or their normalisation is wrong.",
    "The run may be too short for this model; a smaller patch or a smaller model learns sooner.",
  ];
  if (baseline === undefined) {
    const headline = `The run does not learn: the loss is ${show(recent)} and began at ${show(first)}.`;
    return { status: "not-learning", headline, causes, evidence };
  }
  const headline = `The run predicts no more than the mean: its loss is ${show(recent)}, and that of the mean is ${show(baseline)}.`;
  return { status: "predict-the-mean", headline, causes, evidence };
}

function jumping(jumps: number, evidence: Evidence): Verdict | undefined {
  if (jumps < limits.jumps) return undefined;
  const headline = `The run is unstable: the loss jumped up and came back ${jumps} times.`;
  const causes = [
    "The learning rate is near the edge: halve it, or clip gradients.",
    "If the jumps come once an epoch, the order of the pictures may not be shuffled.",
    "The batch may be too small for this rate.",
  ];
  return { status: "unstable", headline, causes, evidence };
}

/** How often, after the warm-up, the loss rose by more than noise and came back. */
function countJumps(steps: readonly StepEvent[], warmup: number): number {
  const shape = shapeOf(steps.flatMap(({ step, loss }) => (step > warmup ? [loss] : [])));
  if (shape === undefined) return 0;
  const size = jumpSize(shape);
  let jumps = 0;
  let isUp = false;
  let turn = shape.first; // the lowest level since the last jump, or the highest within one
  for (const level of shape.levels) {
    turn = isUp ? Math.max(turn, level) : Math.min(turn, level);
    if (isUp ? level > turn - size : level < turn + size) continue;
    if (isUp) jumps++;
    isUp = !isUp;
    turn = level;
  }
  return jumps;
}

function dataBound(waitShare: number, evidence: Evidence): Verdict | undefined {
  if (waitShare <= limits.waitShare) return undefined;
  const percent = Math.round(100 * waitShare);
  const causes = [
    "More data workers help while cores are free.",
    "Pictures much larger than the crops cost decoding for nothing: store a smaller copy.",
    "A slow or remote disk shows the same way: copy the data to a local one.",
  ];
  const headline = `The run learns, but it spends ${percent} % of its time waiting for data.`;
  return { status: "data-bound", headline, causes, evidence };
}

function healthy({ first, recent }: Shape, baseline: number | undefined, evidence: Evidence): Verdict {
  const against = baseline === undefined ? "" : `, below the ${show(baseline)} of predicting the mean`;
  const headline = `The run looks normal: the loss fell from ${show(first)} to ${show(recent)}${against}.`;
  return { status: "normal", headline, causes: [], evidence };
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

/**
 * How far a level must rise to count: more than noise, and much of the loss and of what was gained. The gain is counted
 * from the level after a tenth of the run: an untrained model's loss can be many times that of predicting the mean.
 */
function jumpSize({ best, levels, noise }: Shape): number {
  const begun = levels[Math.floor(levels.length / 10)] ?? best;
  return Math.max(limits.rise * Math.abs(best), limits.riseOfFall * (begun - best), limits.noise * noise);
}

/** Whether the last quarter of the curve still goes down by more than its noise. */
function isFalling({ levels, recent, noise }: Shape): boolean {
  const earlier = levels[Math.floor(levels.length * 0.75)] ?? recent;
  return earlier - recent > Math.max(limits.fall * Math.abs(recent), 3 * noise);
}

function shapeOf(losses: readonly number[]): Shape | undefined {
  if (losses.length < 4) return undefined;
  const count = Math.min(windows, losses.length);
  const cuts = Array.from({ length: count + 1 }, (_, i) => Math.floor((i * losses.length) / count));
  const levels = cuts.slice(1).map((end, i) => median(losses.slice(cuts[i], end)));
  const best = levels.reduce((a, b) => Math.min(a, b));
  // Second differences: a steady fall is no noise.
  const bends = levels
    .slice(2)
    .map((level, i) => Math.abs(level - 2 * (levels[i + 1] as number) + (levels[i] as number)));
  const recent = median(levels.slice(-Math.max(1, Math.floor(count / 20))));
  // 1.48: standard deviation over median deviation of a normal distribution; √6: a second difference of three values.
  const noise = (1.48 * median(bends)) / Math.sqrt(6);
  return { levels, noise, first: levels[0] as number, best, bestIndex: levels.indexOf(best), recent };
}

/** Where the warm-up ends: as run.json says, else the step of the highest rate so far. */
function warmupEnd(steps: readonly StepEvent[], stated: number | undefined): number {
  if (stated !== undefined) return stated;
  return steps.reduce((top, event) => (event.learningRate > top.learningRate ? event : top), {
    step: 0,
    learningRate: Number.NEGATIVE_INFINITY,
  }).step;
}

/** Waiting in the latter half of the run: the workers' start at its beginning is no fault. */
function waiting(steps: readonly StepEvent[]): { waitShare: number; seconds: number } {
  const latter = steps.slice(steps.length >> 1);
  const seconds = latter.reduce((sum, step) => sum + step.seconds, 0);
  const waited = latter.reduce((sum, step) => sum + step.waitSeconds, 0);
  return { waitShare: seconds > 0 ? waited / seconds : 0, seconds };
}

function hasEnded(events: readonly RunEvent[]): boolean {
  const last = events.findLast(({ type }) => type === "end" || type === "start");
  return last?.type === "end" && last.reason === "finished";
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

function show(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
