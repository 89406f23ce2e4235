/** Parts of the curves' picture: small panels, what they share with the large one, and recorded runs behind them. */
import { centredAverage, type Point } from "../summary.js";

export type Layer = Record<string, unknown>;

/** A recorded run's curve: lowest, mean and highest of several runs. */
export type RecordedBand = readonly [step: number, low: number, mean: number, high: number];

/** Points of a drawn line; more are not seen and make the file large. */
const drawnPoints = 1000;
export const colours = {
  raw: "#a9c4e6",
  smoothed: "#1f4e96",
  heldOut: "#d9640d",
  quiet: "#6b7280",
  wrong: "#c81e1e",
  recorded: "#2f855a",
};
export const wide = 820;
/** Room between panels for the numbers of the next one's axis. */
export const gap = 70;
const narrow = (wide - 2 * gap) / 3;

export interface SmallPanel {
  readonly title: string;
  readonly format: string;
  readonly zero?: boolean;
  readonly log?: boolean;
  readonly smoothed?: boolean;
  /** Points are few: each is shown. */
  readonly dots?: boolean;
  readonly recorded?: readonly RecordedBand[] | undefined;
  /** From … to at a step: what a value is uncertain by. */
  readonly bars?: readonly { readonly step: number; readonly low: number; readonly high: number }[];
  /** A second, dashed line. */
  readonly beside?: readonly Point[];
  /** Below the title. */
  readonly note?: string;
}

export function smallPanel(all: readonly Point[], final: number, panel: SmallPanel): Layer {
  const points = all.filter(({ value }) => Number.isFinite(value) && (panel.log !== true || value > 0));
  const empty = points.length === 0 ? { domain: [0, 1] } : {};
  const scale = panel.log === true ? { type: "log", nice: true } : { zero: panel.zero === true, nice: true, ...empty };
  const labelExpr = `datum.value === 0 ? "0" : format(datum.value, "${panel.format}")`;
  const axis = { labelExpr, tickCount: panel.log === true ? 3 : 4 };
  const y = { field: "value", type: "quantitative", title: null, scale, axis };
  const line = (values: readonly Point[], color: string, strokeWidth: number): Layer => ({
    data: { values },
    mark: {
      type: "line",
      color,
      strokeWidth,
      clip: true,
      ...(panel.dots === true ? { point: { color, size: 25 } } : {}),
    },
    encoding: { x: xAxis(final, 4), y },
  });
  const { raw, smoothed } = colours;
  const recorded = (panel.recorded ?? []).filter(([step, low]) => step <= final && (panel.log !== true || low > 0));
  return {
    width: narrow,
    height: 150,
    title: {
      text: panel.title,
      ...(panel.note === undefined ? {} : { subtitle: panel.note, subtitleFontSize: 10, subtitleColor: colours.quiet }),
      anchor: "start",
      frame: "group",
      fontSize: 13,
      fontWeight: "normal",
      offset: 6,
    },
    layer: [
      ...recordedLayers(recorded, y, final, 4),
      ...besideLayers(panel, y, final),
      ...(panel.smoothed === true
        ? [line(extremes(points), raw, 1), line(thin(centredAverage(points)), smoothed, 1.5)]
        : [line(thin(points), smoothed, 1.5)]),
    ],
  };
}

function besideLayers({ bars = [], beside = [] }: SmallPanel, y: Layer, final: number): Layer[] {
  const x = xAxis(final, 4);
  const rule = { type: "rule", color: colours.smoothed, opacity: 0.6 };
  const dashed = { type: "line", color: colours.quiet, strokeWidth: 1.2, strokeDash: [3, 3] };
  return [
    ...(bars.length === 0
      ? []
      : [{ data: { values: bars }, mark: rule, encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" } } }]),
    ...(beside.length === 0 ? [] : [{ data: { values: thin(beside) }, mark: dashed, encoding: { x, y } }]),
  ];
}

/** Bands that stand for the steps since the one before, at the middle of these. */
export function centred(bands: readonly RecordedBand[] | undefined): RecordedBand[] | undefined {
  return bands?.map(([step, low, mean, high], i) => [(step + (bands[i - 1]?.[0] ?? 0) + 1) / 2, low, mean, high]);
}

/** Behind a curve: the band between the lowest and the highest recorded run, and their mean, dashed. */
export function recordedLayers(
  bands: readonly RecordedBand[] | undefined,
  y: Layer,
  final: number,
  tickCount: number,
): Layer[] {
  if (bands === undefined || bands.length === 0) return [];
  const values = bands.map(([step, low, value, high]) => ({ step, low, value, high }));
  const x = xAxis(final, tickCount);
  const { recorded } = colours;
  return [
    {
      data: { values },
      mark: { type: "area", color: recorded, opacity: 0.25, clip: true },
      encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" } },
    },
    {
      data: { values },
      mark: { type: "line", color: recorded, strokeWidth: 1.5, strokeDash: [5, 3], clip: true },
      encoding: { x, y },
    },
  ];
}

export function xAxis(final: number, tickCount: number): Layer {
  const axis = { format: "~s", tickCount, labelFlush: false };
  return {
    field: "step",
    type: "quantitative",
    title: "optimiser steps",
    scale: { domain: [0, final], nice: false },
    axis,
  };
}

/** How many times larger than the median of the values the largest is. */
export function spreadOf(points: readonly Point[]): number {
  const values = points.map(({ value }) => value).filter((value) => value > 0 && Number.isFinite(value));
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted.at(-1) ?? 1) / (sorted[sorted.length >> 1] ?? 1);
}

export function largest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY); // Math.max(...) has a limit on arguments
}

/** Few enough points for a line, evenly taken, the last one always among them. */
export function thin(points: readonly Point[]): Point[] {
  const stride = Math.ceil(points.length / drawnPoints);
  return points.filter((_, i) => (points.length - 1 - i) % stride === 0);
}

/** Few enough points for a noisy line: of each group of neighbours the lowest and the highest, so that no spike is lost. */
export function extremes(points: readonly Point[]): Point[] {
  const finite = points.filter(({ value }) => Number.isFinite(value));
  const size = Math.ceil((2 * finite.length) / drawnPoints);
  if (size < 3) return finite;
  const out: Point[] = [];
  for (let begin = 0; begin < finite.length; begin += size) {
    const group = finite.slice(begin, begin + size).toSorted((a, b) => a.value - b.value);
    const ends = group.length > 1 ? [group[0], group.at(-1)] : group;
    out.push(...(ends as Point[]).toSorted((a, b) => a.step - b.step));
  }
  return out;
}
