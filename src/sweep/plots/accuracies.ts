/** A sweep's picture: our numbers on the left, the paper's on the right, in panels of their own, since scales differ. */
import type { TopLevelSpec } from "vega-lite";
import { drawingStyle, palette, svgOf, writeDrawing } from "../../runs/drawing.js";
import type { MeasureName, Reference } from "../define.js";
import type { SweepRow, SweepSummary } from "../summary.js";
import { measureTitle, valueText } from "../table.js";

type Layer = Record<string, unknown>;

const size = { width: 380, height: 230 };
const colours = { ours: "#1f4e96", paper: "#d9640d", quiet: "#6b7280" };

/** What papers report comes first, so that a measure's two panels stand side by side. */
const panelOrder: readonly MeasureName[] = ["linear", "finetune", "knn"];

/** A mark of a curve. */
interface Dot {
  readonly x: number | string;
  readonly y: number;
  /** One deviation over seeds, or the interval of a single one. */
  readonly low?: number;
  readonly high?: number;
  /** The other axes' values, in words. */
  readonly line: string;
}

interface Panel {
  readonly title: string;
  readonly subtitle: string;
  readonly colour: string;
  readonly dots: readonly Dot[];
  /** Of what was not trained, as dashed lines. */
  readonly levels: readonly number[];
}

/**
 * Draws plots.svg and plots.png into a folder; nothing while there is nothing to draw.
 * @throws RunError "no-space", "system"
 */
export async function writePlots(
  folder: string,
  summary: SweepSummary,
): Promise<{ svg: string; png: string } | undefined> {
  const drawing = await drawSweep(summary);
  return drawing === undefined ? undefined : writeDrawing(folder, "plots", drawing);
}

/** The picture as the text of an SVG; undefined while no point has been judged. */
export async function drawSweep(summary: SweepSummary): Promise<string | undefined> {
  const ours = panelOrder.flatMap((measure) => ourPanel(summary, measure));
  if (ours.length === 0) return undefined;
  const paper = panelOrder.flatMap((measure) => paperPanel(summary.reference, measure));
  return svgOf(specification(summary, ours, paper));
}

function ourPanel({ rows, baselines, axis, otherAxes, names }: SweepSummary, measure: MeasureName): Panel[] {
  const dots = rows.flatMap((row): Dot[] => {
    const value = row.measures[measure];
    if (value === undefined) return [];
    const { mean, deviation } = value;
    const [low, high] = deviation === undefined ? (row.intervals[measure] ?? []) : [mean - deviation, mean + deviation];
    const ends = low === undefined || high === undefined ? {} : { low, high };
    return [{ x: placeOf(row, axis), y: mean, ...ends, line: lineOf(row, otherAxes, names, axis) }];
  });
  if (dots.length === 0) return [];
  const known = baselines.flatMap(({ name, accuracies }) => {
    const value = accuracies[measure];
    return value === undefined ? [] : [{ name, y: 100 * value }];
  });
  const title = `${measureTitle(measure)}, here`;
  const subtitle = known.map(({ name, y }) => `${name} ${y.toFixed(1)} %`).join(", ");
  return [{ title, subtitle, colour: colours.ours, dots, levels: known.map(({ y }) => y) }];
}

function paperPanel(reference: Reference | undefined, measure: MeasureName): Panel[] {
  const series = reference?.measures[measure];
  if (series === undefined) return [];
  const dots = series.values.map(([x, y]) => ({ x: typeof x === "boolean" ? String(x) : x, y, line: "paper" }));
  const subtitle = [series.label, ...(series.note === undefined ? [] : [series.note])].join("; ");
  return [{ title: `${measureTitle(measure)}, paper`, subtitle, colour: colours.paper, dots, levels: [] }];
}

function placeOf({ at, name }: SweepRow, axis: string | undefined): number | string {
  const value = axis === undefined ? name : at[axis];
  return typeof value === "number" ? value : valueText(value);
}

function lineOf(
  row: SweepRow,
  keys: readonly string[],
  names: Readonly<Record<string, string>>,
  axis?: string,
): string {
  const parts = keys.map((key) => `${names[key] ?? key} ${valueText(row.at[key])}`);
  return [...(axis !== undefined && row.name !== undefined ? [row.name] : []), ...parts].join(", ");
}

function specification(summary: SweepSummary, ours: readonly Panel[], paper: readonly Panel[]): TopLevelSpec {
  const { title, axis, reference } = summary;
  const from = axis === undefined ? "" : (axis.split(".").at(-1) ?? axis);
  const subtitle = reference === undefined ? [] : [shorten(`paper: ${reference.source}`), shorten(reference.setting)];
  const x = abscissa([...ours, ...paper], from);
  const rows = Array.from({ length: Math.max(ours.length, paper.length) }, (_, i) => [ours[i], paper[i]]);
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 16,
    title: {
      text: title,
      anchor: "start",
      fontSize: 18,
      offset: 18,
      subtitle,
      subtitleFontSize: 12,
      subtitleColor: colours.quiet,
    },
    spacing: 28,
    vconcat: rows.map((panels) => ({
      spacing: 90,
      bounds: "flush",
      hconcat: panels.flatMap((panel) => (panel === undefined ? [] : [panelOf(panel, x, panels[0])])),
    })),
    config: drawingStyle,
  } as unknown as TopLevelSpec;
}

/** The same on every panel, so that curves can be compared by eye. */
function abscissa(panels: readonly Panel[], title: string): Layer {
  const places = [...new Set(panels.flatMap(({ dots }) => dots.map(({ x }) => x)))];
  if (places.every((place) => typeof place === "number")) {
    const sorted = places.toSorted((a, b) => a - b);
    const [low = 0, high = 1] = [sorted[0], sorted.at(-1)];
    const isLog = low > 0 && high / low >= 8 && sorted.every(Number.isInteger);
    const margin = isLog ? 1.15 : 0.04 * (high - low || 1);
    const domain = isLog ? [low / margin, high * margin] : [low - margin, high + margin];
    const scale = { domain, nice: false, zero: false, ...(isLog ? { type: "log", base: 2 } : {}) };
    const axis = { values: sorted, labelExpr: "format(datum.value, '~g')", labelOverlap: "greedy" };
    return { field: "x", type: "quantitative", title, scale, axis };
  }
  return { field: "x", type: "nominal", title: title || null, sort: places.map(String), axis: { labelAngle: -30 } };
}

function panelOf(panel: Panel, x: Layer, beside: Panel | undefined): Layer {
  const { title, subtitle, colour, dots, levels } = panel;
  const lines = [...new Set(dots.map(({ line }) => line))];
  const isMany = lines.length > 1;
  const color = isMany
    ? { field: "line", type: "nominal", scale: { domain: lines, range: palette }, legend: { columns: 3 } }
    : { value: colour };
  const y = {
    field: "y",
    type: "quantitative",
    title: "accuracy, %",
    scale: { domain: domainOf(panel, beside), nice: false, zero: false },
  };
  const joined =
    x["type"] === "quantitative" ? [{ mark: { type: "line", strokeWidth: 2 }, encoding: { x, y, color } }] : [];
  const spread = {
    mark: { type: "rule", strokeWidth: 1.5 },
    encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color },
  };
  return {
    ...size,
    data: { values: dots },
    title: {
      text: title,
      subtitle: twoLines(subtitle),
      anchor: "start",
      frame: "group",
      fontSize: 14,
      subtitleFontSize: 11,
      subtitleColor: colours.quiet,
      offset: 8,
    },
    layer: [
      ...levels.map((level) => ({
        data: { values: [{ y: level }] },
        mark: { type: "rule", strokeDash: [5, 4], color: colours.quiet },
        encoding: { y },
      })),
      ...joined,
      ...(dots.some(({ low }) => low !== undefined) ? [spread] : []),
      { mark: { type: "point", filled: true, size: 60, opacity: 1 }, encoding: { x, y, color } },
      ...numbersOf(dots, x, y),
    ],
  };
}

/** Room that a number takes on the abscissa, in pixels. */
const numberWidth = 30;

/**
 * The value of each mark beyond the end of its spread, on a ground that no line crosses; above it, and below where the number of the mark
 * before stands too near.
 */
function numbersOf(dots: readonly Dot[], x: Layer, y: Layer): Layer[] {
  const [above, below] = [[] as Dot[], [] as Dot[]];
  const last = new Map<string, number>();
  for (const dot of dots.toSorted((a, b) => (typeof a.x === "number" && typeof b.x === "number" ? a.x - b.x : 0))) {
    const place = pixelsOf(dot.x, x);
    const isNear = place !== undefined && place - (last.get(dot.line) ?? Number.NEGATIVE_INFINITY) < numberWidth;
    (isNear ? below : above).push(dot);
    if (place !== undefined && !isNear) last.set(dot.line, place);
  }
  const layers = (some: readonly Dot[], end: "low" | "high", dy: number): Layer[] => {
    const values = some.map((dot) => ({ ...dot, end: dot[end] ?? dot.y }));
    const encoding = { x, y: { ...y, field: "end" }, text: { field: "y", format: ".1f" } };
    const text = { type: "text", dy, fontSize: 11 };
    const ground = { ...text, color: "white", stroke: "white", strokeWidth: 4, strokeJoin: "round", aria: false };
    return [ground, { ...text, color: colours.quiet }].map((mark) => ({ data: { values }, mark, encoding }));
  };
  return [...layers(above, "high", -11), ...layers(below, "low", 13)].filter(
    ({ data }) => (data as { values: unknown[] }).values.length > 0,
  );
}

/** Where a number stands on the abscissa; undefined for names. */
function pixelsOf(place: Dot["x"], { scale }: Layer): number | undefined {
  const { domain, type } = (scale ?? {}) as { domain?: [number, number]; type?: string };
  if (typeof place !== "number" || domain === undefined) return undefined;
  const of = type === "log" ? Math.log2 : (value: number): number => value;
  return ((of(place) - of(domain[0])) / (of(domain[1]) - of(domain[0]))) * size.width;
}

/** The lowest and the highest of what a panel shows; what was not trained is among it. */
function endsOf({ dots, levels }: Panel): [low: number, high: number] {
  const values = [...dots.flatMap(({ y, low = y, high = y }) => [y, low, high]), ...levels];
  return [Math.min(...values), Math.max(...values)];
}

/** Points of accuracy that a panel spans at least, or noise would look large. */
const leastSpan = 5;

/** With room for the numbers above; beside a panel of ours the paper's spans at least as much, so that both fall alike. */
function domainOf(panel: Panel, beside: Panel | undefined): [number, number] {
  const [low, high] = endsOf(panel);
  const [from, to] = beside === undefined ? [low, high] : endsOf(beside);
  const margin = Math.max(0.12 * (high - low), (Math.max(leastSpan, to - from) - (high - low)) / 2);
  return [low - margin, high + 1.5 * margin];
}

/** Always two, so that panels beside each other stand level. */
function twoLines(text: string): string[] {
  const most = 62;
  const words = text.split(" ");
  let first = "";
  while (words.length > 0 && `${first} ${words[0]}`.length <= most) first = `${first} ${words.shift()}`.trim();
  return [first, words.length > 0 ? shorten(words.join(" "), most) : "\u00a0"]; // an empty line would take no room
}

function shorten(text: string, most = 130): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
