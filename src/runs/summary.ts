import type { RunEvent, StepEvent } from "./schema.js";

/** One value at one step. */
export interface Point {
  readonly step: number;
  readonly value: number;
}

/** What a run has come to, in numbers. Undefined where nothing was logged. */
export interface RunSummary {
  readonly steps: number;
  readonly epoch: number;
  readonly samples: number;
  readonly firstLoss: number | undefined;
  readonly lastLoss: number | undefined;
  /** The last loss with the noise taken out. */
  readonly smoothedLoss: number | undefined;
  readonly heldOutLoss: number | undefined;
  readonly imagesPerSecond: number | undefined;
  /** Median over the last hundred steps. */
  readonly recentImagesPerSecond: number | undefined;
  /** Share of the training time spent waiting for data, 0 to 1. */
  readonly waitShare: number | undefined;
  readonly trainingSeconds: number;
  readonly checkpointSeconds: number;
  /** Pictures that could not be used, each counted once. */
  readonly badFiles: number;
  readonly warnings: number;
  /** Times the run was begun or resumed. */
  readonly starts: number;
  readonly end: "finished" | "interrupted" | "failed" | undefined;
}

const recentSteps = 100;

/** Adds up a run's events. */
export function summarize(events: readonly RunEvent[]): RunSummary {
  const steps = events.filter((event) => event.type === "step");
  const last = steps.at(-1);
  const trainingSeconds = sum(steps.map(({ seconds }) => seconds));
  const rates = imagesPerSecond(steps).map(({ value }) => value);
  const final = events.at(-1);
  return {
    steps: last?.step ?? 0,
    epoch: last?.epoch ?? 0,
    samples: last?.samples ?? 0,
    firstLoss: steps[0]?.loss,
    lastLoss: last?.loss,
    smoothedLoss: smooth(steps.map(({ step, loss }) => ({ step, value: loss }))).at(-1)?.value,
    heldOutLoss: events.findLast((event) => event.type === "heldOut")?.loss,
    imagesPerSecond: last === undefined || trainingSeconds === 0 ? undefined : last.samples / trainingSeconds,
    recentImagesPerSecond: rates.length === 0 ? undefined : median(rates.slice(-recentSteps)),
    waitShare: trainingSeconds === 0 ? undefined : sum(steps.map(({ waitSeconds }) => waitSeconds)) / trainingSeconds,
    trainingSeconds,
    checkpointSeconds: sum(events.map((event) => (event.type === "checkpoint" ? event.seconds : 0))),
    badFiles: badPictures(events).length,
    warnings: events.filter(({ type }) => type === "warning").length,
    starts: events.filter(({ type }) => type === "start").length,
    end: final?.type === "end" ? final.reason : undefined,
  };
}

/** The pictures that could not be used: a run that was resumed may have met one again. */
export function badPictures(events: readonly RunEvent[]): Extract<RunEvent, { type: "badFile" }>[] {
  const found = events.filter((event) => event.type === "badFile");
  return [...new Map(found.toReversed().map((event) => [event.path, event])).values()].reverse();
}

/** What one probe measured in the course of a run. */
export interface ProbeSummary {
  readonly name: string;
  /** At step 0. */
  readonly before: number | undefined;
  /** The highest of later steps. */
  readonly best: number | undefined;
  /** The last one, be it of step 0. */
  readonly last: number;
  /** Of the last one. */
  readonly step: number;
  /** Of an accuracy: between which values the last one lies, 19 times of 20, and its mean over the classes. */
  readonly interval?: Interval;
  readonly meanPerClass?: number;
  /** Of an accuracy: from before training to the last one. */
  readonly gain?: Gain;
}

/** How far an accuracy is above another, in shares, and between which values that lies, 19 times of 20. */
export interface Gain {
  readonly value: number;
  readonly interval: Interval;
}

/** Probes of the frozen encoder that a supervised run begins with: `frozen.ts` compares them with its classifier. */
const frozenProbes = ["frozenKnn", "frozenLinear"] as const;
export type FrozenProbe = (typeof frozenProbes)[number];

export function isFrozen(name: string): name is FrozenProbe {
  return frozenProbes.some((probe) => probe === name);
}

/** Each probe of a run's features, in the order in which they were first measured. */
export function probeSummaries(events: readonly RunEvent[]): ProbeSummary[] {
  const rows = new Map<string, ProbeSummary>();
  for (const event of events) {
    if (event.type !== "probe" || isFrozen(event.name)) continue;
    const { name, value, step } = event;
    const known = rows.get(name);
    const row = { name, step, last: value, ...accuracyOf(event, known?.before) };
    if (step === 0) rows.set(name, { ...row, before: value, best: undefined });
    else rows.set(name, { ...row, before: known?.before, best: Math.max(known?.best ?? value, value) });
  }
  return [...rows.values()];
}

function accuracyOf(
  { value, step, pictures, meanPerClass }: Extract<RunEvent, { type: "probe" }>,
  before: number | undefined,
): Pick<ProbeSummary, "interval" | "meanPerClass" | "gain"> {
  if (pictures === undefined) return {};
  const gain =
    before === undefined || step === 0
      ? {}
      : { gain: { value: value - before, interval: gainInterval(before, value, pictures) } };
  return {
    interval: wilsonInterval(value, pictures),
    ...(meanPerClass === undefined ? {} : { meanPerClass }),
    ...gain,
  };
}

/** The accuracies of a supervised run on held-out pictures, at one step. */
export interface Scored {
  readonly epoch: number;
  readonly step: number;
  /** From 0 to 1: top1, top5, meanPerClass. */
  readonly scores: Readonly<Record<string, number>>;
  /** That were judged, and between which values top1 lies by them, 19 times of 20; undefined in runs of earlier versions. */
  readonly pictures?: number;
  readonly interval?: Interval;
  /** Classes of which no picture is right, of those that are judged. */
  readonly neverRight?: { readonly classes: number; readonly of: number };
}

/** In the order in which they were measured; none of a run that is not supervised. */
export function scoresOfRun(events: readonly RunEvent[]): Scored[] {
  return events.flatMap((event): Scored[] => {
    if (event.type !== "heldOut" || event.scores === undefined) return [];
    const { epoch, step, scores, pictures, neverRight } = event;
    const top1 = scores["top1"];
    const isKnown = pictures !== undefined && top1 !== undefined && Number.isFinite(top1);
    const known = isKnown ? { pictures, interval: wilsonInterval(top1, pictures) } : {};
    return [{ epoch, step, scores, ...known, ...(neverRight === undefined ? {} : { neverRight }) }];
  });
}

/** The speed at each step that took time. */
export function imagesPerSecond(steps: readonly StepEvent[]): Point[] {
  return steps.flatMap(({ step, samples, seconds }, i) => {
    const seen = samples - (steps[i - 1]?.samples ?? 0);
    return seconds > 0 && seen > 0 ? [{ step, value: seen / seconds }] : [];
  });
}

/**
 * Takes the noise out of a curve: an exponential average with a half-life of a fiftieth of the points (or `halfLife`
 * points), corrected for its start as in Adam. Values that are not finite are left out.
 */
export function smooth(points: readonly Point[], halfLife = Math.max(1, points.length / 50)): Point[] {
  const keep = 0.5 ** (1 / halfLife);
  let total = 0;
  let weight = 0;
  return points.flatMap(({ step, value }) => {
    if (!Number.isFinite(value)) return [];
    total = keep * total + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return [{ step, value: total / weight }];
  });
}

/**
 * Takes the noise out of a curve that is complete: the mean of the points around, `reach` on either side and near the ends
 * as many as there are on both, so that it lags behind no fall. Values that are not finite are left out.
 */
export function centredAverage(points: readonly Point[], reach = Math.round(points.length / 80)): Point[] {
  const finite = points.filter(({ value }) => Number.isFinite(value));
  const sums = [0];
  for (const { value } of finite) sums.push((sums.at(-1) as number) + value);
  return finite.map(({ step }, i) => {
    const half = Math.min(reach, i, finite.length - 1 - i);
    const value = ((sums[i + half + 1] as number) - (sums[i - half] as number)) / (2 * half + 1);
    return { step, value };
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** 0 of nothing. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Of one quantity over several runs that differ in the seed alone. The deviation of one value is not known. */
export interface Spread {
  readonly values: readonly number[];
  readonly mean: number;
  /** Sample standard deviation. */
  readonly deviation: number | undefined;
}

/** Of at least one value. */
export function spread(values: readonly number[]): Spread {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { values, mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : undefined };
}

/** Two-sided 95 % of the normal distribution. */
const z95 = 1.959964;

/** From … to. */
export type Interval = readonly [low: number, high: number];

/**
 * Between which accuracies the true one lies, 19 times of 20, where `accuracy` was seen on `count` pictures (Wilson, JASA 1927): right for
 * few pictures and for accuracies near 0 and 1 too. @param accuracy from 0 to 1
 */
export function wilsonInterval(accuracy: number, count: number): Interval {
  const square = z95 ** 2 / count;
  const centre = (accuracy + square / 2) / (1 + square);
  const half = (z95 / (1 + square)) * Math.sqrt((accuracy * (1 - accuracy) + square / 4) / count);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/**
 * Between which values `after - before` lies, 19 times of 20, each accuracy seen on `count` pictures (Newcombe, Statistics in Medicine
 * 1998, method 10: from both Wilson intervals). Where the same pictures judged both it is wider than need be: `pairedInterval` knows more.
 */
export function gainInterval(before: number, after: number, count: number): Interval {
  const [was, is] = [wilsonInterval(before, count), wilsonInterval(after, count)];
  const gain = after - before;
  return [gain - Math.hypot(after - is[0], was[1] - before), gain + Math.hypot(is[1] - after, before - was[0])];
}

/**
 * The same where two classifiers judged the same pictures (Agresti and Min, Statistics in Medicine 2005: Wald's interval after half a
 * picture more in each of the four cells). @param lost pictures that the first alone had right @param won that the second alone has right
 */
export function pairedInterval(lost: number, won: number, count: number): Interval {
  const [less, more, all] = [lost + 0.5, won + 0.5, count + 2];
  const gain = (more - less) / all;
  const half = (z95 * Math.sqrt(less + more - (more - less) ** 2 / all)) / all;
  return [Math.max(-1, gain - half), Math.min(1, gain + half)];
}

/** What the second of two classifiers gained on the first. @param was, is of each judged picture 1 where it was found, else 0 */
export function pairedGain(was: Uint8Array, is: Uint8Array): Gain {
  const lost = was.filter((right, i) => right > (is[i] as number)).length;
  const won = was.filter((right, i) => right < (is[i] as number)).length;
  return { value: (won - lost) / was.length, interval: pairedInterval(lost, won, was.length) };
}

/** The last scores, which nobody chose by looking, and the best, which are chosen on the very pictures that judge. */
export interface RunAccuracy {
  readonly last: Scored;
  /** By top-1; of equal ones the first. */
  readonly best: Scored;
}

/** The last and the best accuracy of a supervised run on held-out pictures; undefined where none was measured. */
export function heldOutAccuracy(events: readonly RunEvent[]): RunAccuracy | undefined {
  const measured = scoresOfRun(events);
  const last = measured.at(-1);
  if (last === undefined) return undefined;
  const top1 = ({ scores }: Scored): number => scores["top1"] ?? 0;
  return { last, best: measured.reduce((a, b) => (top1(b) > top1(a) ? b : a)) };
}
