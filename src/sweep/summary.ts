/** What a sweep has come to: a row for each group of seeds, ours beside the paper's. */
import { type Interval, type Spread, spread, wilsonInterval } from "../runs/summary.js";
import type { Evaluate, MeasureName, Reference, Sweep } from "./define.js";
import type { Measurement } from "./folder.js";
import { type SweepPoint, seedAxis, shortNames } from "./points.js";

/** How far a point is: not begun, begun, trained and not judged, judged, failed for good. */
export type PointStatus = "waiting" | "running" | "trained" | "done" | "failed";

/** A point and what is known of it. */
export interface PointResult {
  readonly point: SweepPoint;
  readonly status: PointStatus;
  /** Multiply-adds of its whole training: an estimate. */
  readonly cost: number | undefined;
  /** Of training, without evaluation. */
  readonly seconds: number | undefined;
  readonly imagesPerSecond?: number | undefined;
  /** Bytes of parameters, optimiser and a step, as planned. */
  readonly memory?: number | undefined;
  /** With the noise taken out. */
  readonly loss: number | undefined;
  readonly heldOutLoss: number | undefined;
  /** 0 … 1 */
  readonly accuracies: Partial<Readonly<Record<MeasureName, number>>>;
  /** Of the accuracies: means over the classes, 0 … 1, and on how many pictures; what earlier versions measured has neither. */
  readonly judged?: Partial<Readonly<Record<MeasureName, Pick<Measurement, "meanPerClass" | "pictures">>>>;
  /** Of `lacuna inspect` on its training, where that has ended: normal, collapsed, diverged, … */
  readonly verdict?: string | undefined;
  /** Why it failed. */
  readonly failure: string | undefined;
}

export interface SweepRow {
  readonly group: string;
  readonly name: string | undefined;
  /** Without the seed. */
  readonly at: Readonly<Record<string, unknown>>;
  readonly seeds: number;
  readonly finished: number;
  readonly failed: number;
  readonly cost: number | undefined;
  readonly seconds: number | undefined;
  /** Of training. */
  readonly imagesPerSecond: number | undefined;
  /** Bytes of parameters, optimiser and a step, as planned. */
  readonly memory: number | undefined;
  readonly loss: Spread | undefined;
  readonly heldOutLoss: Spread | undefined;
  /** The verdicts on its seeds' training, each once. */
  readonly verdicts: readonly string[];
  /** In per cent. */
  readonly measures: Partial<Readonly<Record<MeasureName, Spread>>>;
  /** Means over the classes, in per cent. */
  readonly perClass: Partial<Readonly<Record<MeasureName, Spread>>>;
  /** Of a single seed: between which values each measure lies, 19 times of 20, in per cent. */
  readonly intervals: Partial<Readonly<Record<MeasureName, Interval>>>;
  /** The paper's at the same place, in per cent. */
  readonly paper: Partial<Readonly<Record<MeasureName, number>>>;
}

/** How two curves over the same axis compare. */
export interface Agreement {
  readonly measure: MeasureName;
  /** Places where both are known. */
  readonly places: number;
  readonly bestOurs: unknown;
  readonly bestPaper: unknown;
  /** Spearman's: 1 where both put the places into the same order, -1 into the reverse; of three places at least. */
  readonly rankCorrelation: number | undefined;
}

/** Raw pixels or an untrained encoder, judged like the points. */
export interface BaselineRow {
  readonly name: string;
  /** 0 … 1 */
  readonly accuracies: Partial<Readonly<Record<MeasureName, number>>>;
}

/** What a sweep has come to: all that its table and plots show. */
export interface SweepSummary {
  readonly title: string;
  /** The key on the plots' abscissa; undefined where there are only names. */
  readonly axis: string | undefined;
  /** Other keys that are varied, the seed apart. */
  readonly otherAxes: readonly string[];
  /** Short names of keys, for titles. */
  readonly names: Readonly<Record<string, string>>;
  readonly measures: readonly MeasureName[];
  readonly rows: readonly SweepRow[];
  readonly baselines: readonly BaselineRow[];
  readonly reference: Reference | undefined;
  readonly agreement: readonly Agreement[];
}

const measureNames = ["knn", "linear", "finetune"] as const satisfies readonly MeasureName[];

/** Which measures a sweep asks for. */
export function measuresOf(evaluate: Evaluate): MeasureName[] {
  return measureNames.filter((name) => evaluate[name] !== undefined && evaluate[name] !== false);
}

/** Adds a sweep up. Rows stand in the order of the file, or as the sweep's `order` says. */
export function summarizeSweep(
  sweep: Sweep,
  results: readonly PointResult[],
  baselines: readonly BaselineRow[] = [],
): SweepSummary {
  const keys = Object.keys(sweep.axes).filter((key) => key !== seedAxis);
  const axis = sweep.reference?.axis ?? (sweep.points === undefined ? keys[0] : undefined);
  const groups = new Map<string, PointResult[]>();
  for (const result of results) {
    const group = groups.get(result.point.group) ?? [];
    groups.set(result.point.group, [...group, result]);
  }
  const place = ({ at, name }: { at: Readonly<Record<string, unknown>>; name: string | undefined }): unknown =>
    axis === undefined ? name : at[axis];
  const inFileOrder = [...groups].map(([group, members]) =>
    rowOf(group, members, (row) => paperAt(sweep.reference, place(row))),
  );
  const { order } = sweep;
  const rows = order === undefined ? inFileOrder : byBest(inFileOrder, order);
  const measures = measuresOf(sweep.evaluate);
  return {
    title: sweep.title,
    axis,
    otherAxes: keys.filter((key) => key !== axis),
    names: Object.fromEntries(shortNames(Object.keys(sweep.axes))),
    measures,
    rows,
    baselines,
    reference: sweep.reference,
    agreement: measures.flatMap((measure) => agreementOf(measure, rows, place) ?? []),
  };
}

/** The best first; what is not judged yet follows in the order of the file. */
function byBest(rows: readonly SweepRow[], measure: MeasureName): SweepRow[] {
  const score = ({ measures }: SweepRow): number => measures[measure]?.mean ?? Number.NEGATIVE_INFINITY;
  return rows.toSorted((a, b) => (score(a) === score(b) ? 0 : score(b) - score(a)));
}

type Place = Pick<SweepRow, "at" | "name">;

function rowOf(group: string, members: readonly PointResult[], paper: (place: Place) => SweepRow["paper"]): SweepRow {
  const { point } = members[0] as PointResult;
  const at = Object.fromEntries(Object.entries(point.at).filter(([key]) => key !== seedAxis));
  const spreads = (of: (member: PointResult, name: MeasureName) => number | undefined): SweepRow["measures"] =>
    byMeasure((name) => spreadOfKnown(known(members.map((member) => of(member, name))).map((value) => 100 * value)));
  const total = (values: number[]): number | undefined =>
    values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0);
  return {
    group,
    name: point.name,
    at,
    seeds: members.length,
    finished: members.filter(({ status }) => status === "done").length,
    failed: members.filter(({ status }) => status === "failed").length,
    cost: total(known(members.map(({ cost }) => cost))),
    seconds: total(known(members.map(({ seconds }) => seconds))),
    imagesPerSecond: mean(known(members.map(({ imagesPerSecond }) => imagesPerSecond))),
    memory: mean(known(members.map(({ memory }) => memory))),
    loss: spreadOfKnown(members.map(({ loss }) => loss)),
    heldOutLoss: spreadOfKnown(members.map(({ heldOutLoss }) => heldOutLoss)),
    verdicts: [...new Set(members.flatMap(({ verdict }) => verdict ?? []))],
    measures: spreads(({ accuracies }, name) => accuracies[name]),
    perClass: spreads(({ judged }, name) => judged?.[name]?.meanPerClass),
    intervals: byMeasure((name) => (members.length === 1 ? intervalOf(members[0] as PointResult, name) : undefined)),
    paper: paper({ at, name: point.name }),
  };
}

/** What is known of each measure. */
function byMeasure<T>(of: (name: MeasureName) => T | undefined): Partial<Record<MeasureName, T>> {
  const found = measureNames.map((name) => [name, of(name)] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}

function intervalOf({ accuracies, judged }: PointResult, name: MeasureName): Interval | undefined {
  const [accuracy, pictures] = [accuracies[name], judged?.[name]?.pictures];
  if (accuracy === undefined || pictures === undefined) return undefined;
  const [low, high] = wilsonInterval(accuracy, pictures);
  return [100 * low, 100 * high];
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
}

function known(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

function spreadOfKnown(values: readonly (number | undefined)[]): Spread | undefined {
  const own = known(values);
  return own.length === 0 ? undefined : spread(own);
}

function paperAt(reference: Reference | undefined, place: unknown): SweepRow["paper"] {
  const found = measureNames.flatMap((name) => {
    const value = reference?.measures[name]?.values.find(([at]) => isSame(at, place))?.[1];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}

/** 0.3 and 0.1 + 0.2 are the same place. */
function isSame(a: unknown, b: unknown): boolean {
  return typeof a === "number" && typeof b === "number" ? Math.abs(a - b) < 1e-9 * Math.max(1, Math.abs(a)) : a === b;
}

function agreementOf(
  measure: MeasureName,
  rows: readonly SweepRow[],
  place: (row: Place) => unknown,
): Agreement | undefined {
  const both = rows.flatMap((row) => {
    const [ours, paper] = [row.measures[measure]?.mean, row.paper[measure]];
    return ours === undefined || paper === undefined ? [] : [{ at: place(row), ours, paper }];
  });
  if (both.length < 2) return undefined;
  const best = (which: "ours" | "paper"): unknown => both.reduce((a, b) => (b[which] > a[which] ? b : a)).at;
  const ranks = [ranksOf(both.map(({ ours }) => ours)), ranksOf(both.map(({ paper }) => paper))] as const;
  const rankCorrelation = both.length < 3 ? undefined : correlation(...ranks); // two are always in order or in reverse
  return { measure, places: both.length, bestOurs: best("ours"), bestPaper: best("paper"), rankCorrelation };
}

/** Equal values share the mean of their ranks. */
function ranksOf(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal - 1) / 2;
  });
}

/** Pearson's; undefined where one side does not vary. */
function correlation(a: readonly number[], b: readonly number[]): number | undefined {
  const mean = (values: readonly number[]): number => values.reduce((x, y) => x + y, 0) / values.length;
  const [middleA, middleB] = [mean(a), mean(b)];
  const product = (x: readonly number[], mx: number, y: readonly number[], my: number): number =>
    x.reduce((sum, value, i) => sum + (value - mx) * ((y[i] as number) - my), 0);
  const scale = Math.sqrt(product(a, middleA, a, middleA) * product(b, middleB, b, middleB));
  return scale === 0 ? undefined : product(a, middleA, b, middleB) / scale;
}
