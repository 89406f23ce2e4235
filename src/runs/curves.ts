/** Pictures of a run's curves: loss, held-out loss, learning rate, gradient norm, speed. */
import { join } from "node:path";
import type { TopLevelSpec } from "vega-lite";
import { drawingStyle, pngOf, svgOf } from "./drawing.js";
import { openRun } from "./reader.js";
import type { RunEvent, StepEvent } from "./schema.js";
import { centredAverage, imagesPerSecond, type Point } from "./summary.js";
import { writeAtomic } from "./write-atomic.js";

export interface CurveOptions {
  readonly title: string;
  readonly subtitle?: string;
  /** The loss of a model that learned nothing but the mean, drawn as a dashed line. */
  readonly baseline?: number;
}

/** Points of a drawn line; more are not seen and make the file large. */
const drawnPoints = 1000;
const colours = { raw: "#a9c4e6", smoothed: "#1f4e96", heldOut: "#d9640d", quiet: "#6b7280", wrong: "#c81e1e" };
const wide = 820;
/** Room between panels for the numbers of the next one's axis. */
const gap = 70;
const narrow = (wide - 2 * gap) / 3;

/**
 * Draws curves.svg and curves.png into a run folder; the SVG is the one to trust: on a machine without fonts the PNG has no
 * letters.
 * @returns the two paths
 * @throws RunError as `openRun` does, "no-space"
 */
export async function writeCurves(folder: string): Promise<{ svg: string; png: string }> {
  const { run, events } = openRun(folder);
  const baseline = run.derived["baseline"];
  const subtitle = `${run.command} — ${run.machine.device}, ${run.machine.precision}`;
  const drawing = await drawCurves(events, {
    title: run.id,
    subtitle,
    ...(baseline === undefined ? {} : { baseline }),
  });
  const paths = { svg: join(folder, "curves.svg"), png: join(folder, "curves.png") };
  writeAtomic(paths.svg, drawing);
  writeAtomic(paths.png, await pngOf(drawing));
  return paths;
}

/** The curves as the text of an SVG. */
export async function drawCurves(events: readonly RunEvent[], options: CurveOptions): Promise<string> {
  return svgOf(specification(events, options));
}

type Layer = Record<string, unknown>;

function specification(events: readonly RunEvent[], { title, subtitle, baseline }: CurveOptions): TopLevelSpec {
  const steps = events.filter((event) => event.type === "step");
  const final = Math.max(1, steps.at(-1)?.step ?? 1);
  const rate = steps.map(({ step, learningRate }) => ({ step, value: learningRate }));
  const speed = imagesPerSecond(steps);
  const norms = steps.flatMap(({ step, gradNorm }) => (gradNorm === null ? [] : [{ step, value: gradNorm }]));
  const spread = spreadOf(norms);
  const normTitle = spread > 30 ? "gradient norm (L2, log scale)" : "gradient norm (L2)";
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 16,
    title: {
      text: title,
      anchor: "start",
      fontSize: 18,
      offset: 14,
      ...(subtitle === undefined
        ? {}
        : { subtitle: shorten(subtitle), subtitleFontSize: 12, subtitleColor: colours.quiet }),
    },
    spacing: 88,
    bounds: "flush",
    vconcat: [
      lossPanel(events, steps, final, baseline),
      {
        spacing: gap,
        bounds: "flush",
        hconcat: [
          smallPanel(rate, final, { title: "learning rate", format: ".1~e", zero: true }),
          smallPanel(norms, final, { title: normTitle, format: "~g", log: spread > 30, smoothed: true }),
          smallPanel(speed, final, { title: "images per second", format: "~s", zero: true, smoothed: true }),
        ],
      },
    ],
    config: drawingStyle,
  } as unknown as TopLevelSpec;
}

function lossPanel(events: readonly RunEvent[], steps: readonly StepEvent[], final: number, baseline?: number): Layer {
  const loss = steps.map(({ step, loss: value }) => ({ step, value }));
  const smoothed = centredAverage(loss);
  const heldOut = events.flatMap((event) =>
    event.type === "heldOut" && Number.isFinite(event.loss) ? [{ step: event.step, value: event.loss }] : [],
  );
  const shown = [
    ...heldOut.slice(heldOut.length >> 1),
    ...(baseline === undefined ? [] : [{ step: 0, value: baseline }]),
  ];
  const domain = lossDomain(loss, shown);
  const y = { field: "value", type: "quantitative", title: "loss", scale: { domain, nice: false, zero: false } };
  const line = (points: readonly Point[], name: string, mark: Layer): Layer => ({
    data: { values: points },
    mark: { type: "line", clip: true, ...mark },
    encoding: { x: xAxis(final, 10), y, color: { datum: name } },
  });
  const names = ["each step", "smoothed", ...(heldOut.length > 0 ? ["held out"] : [])];
  const range = [colours.raw, colours.smoothed, colours.heldOut].slice(0, names.length);
  return {
    width: wide,
    height: 300,
    layer: [
      line(extremes(loss), "each step", { strokeWidth: 1 }),
      ...(baseline === undefined ? [] : baselineLayers(baseline, y)),
      line(thin(smoothed), "smoothed", { strokeWidth: 2 }),
      ...(heldOut.length > 0 ? [line(thin(heldOut), "held out", { strokeWidth: 2, point: { size: 30 } })] : []),
      ...wrongLayers(
        loss.filter(({ value }) => !Number.isFinite(value)),
        final,
      ),
    ],
    encoding: { color: { type: "nominal", scale: { domain: names, range }, legend: { symbolType: "stroke" } } },
    resolve: { legend: { color: "shared" } },
  };
}

function baselineLayers(baseline: number, y: Layer): Layer[] {
  const data = { values: [{ value: baseline }] };
  return [
    { data, mark: { type: "rule", strokeDash: [5, 4], color: colours.quiet }, encoding: { y } },
    {
      data,
      mark: { type: "text", align: "right", baseline: "top", dx: -6, dy: 4, fontSize: 12, color: colours.quiet },
      encoding: { y, x: { value: wide }, text: { value: "predicting the mean" } },
    },
  ];
}

function wrongLayers(wrong: readonly Point[], final: number): Layer[] {
  const [first] = wrong;
  if (first === undefined) return [];
  const encoding = { x: xAxis(final, 10) };
  const text = `not a number from step ${first.step} on`;
  const onRight = first.step > final / 2;
  const place = { align: onRight ? "right" : "left", dx: onRight ? -6 : 6, baseline: "top", dy: 4 };
  return [
    {
      data: { values: thin(wrong) },
      mark: { type: "rule", color: colours.wrong, opacity: 0.2, strokeWidth: Math.max(1, wide / final) },
      encoding,
    },
    {
      data: { values: [first] },
      mark: { type: "text", color: colours.wrong, fontSize: 12, ...place },
      encoding: { ...encoding, y: { value: 0 }, text: { value: text } },
    },
  ];
}

interface SmallPanel {
  readonly title: string;
  readonly format: string;
  readonly zero?: boolean;
  readonly log?: boolean;
  readonly smoothed?: boolean;
}

function smallPanel(all: readonly Point[], final: number, panel: SmallPanel): Layer {
  const points = all.filter(({ value }) => Number.isFinite(value) && (panel.log !== true || value > 0));
  const empty = points.length === 0 ? { domain: [0, 1] } : {};
  const scale = panel.log === true ? { type: "log", nice: true } : { zero: panel.zero === true, nice: true, ...empty };
  const labelExpr = `datum.value === 0 ? "0" : format(datum.value, "${panel.format}")`;
  const axis = { labelExpr, tickCount: panel.log === true ? 3 : 4 };
  const y = { field: "value", type: "quantitative", title: null, scale, axis };
  const line = (values: readonly Point[], color: string, strokeWidth: number): Layer => ({
    data: { values },
    mark: { type: "line", color, strokeWidth },
    encoding: { x: xAxis(final, 4), y },
  });
  const { raw, smoothed } = colours;
  return {
    width: narrow,
    height: 150,
    title: { text: panel.title, anchor: "start", frame: "group", fontSize: 13, fontWeight: "normal", offset: 6 },
    layer:
      panel.smoothed === true
        ? [line(extremes(points), raw, 1), line(thin(centredAverage(points)), smoothed, 1.5)]
        : [line(thin(points), smoothed, 1.5)],
  };
}

function xAxis(final: number, tickCount: number): Layer {
  const axis = { format: "~s", tickCount, labelFlush: false };
  return {
    field: "step",
    type: "quantitative",
    title: "optimiser steps",
    scale: { domain: [0, final], nice: false },
    axis,
  };
}

/**
 * From the lowest to the highest loss, but for the fall of the first steps, which would press all the rest flat: the top is
 * the 93rd percentile, or what the second half of the run reaches if that is more. `shown` is in sight in any case.
 */
function lossDomain(loss: readonly Point[], shown: readonly Point[]): [number, number] {
  const values = loss.map(({ value }) => value).filter((value) => Number.isFinite(value));
  const sorted = values.toSorted((a, b) => a - b);
  const inner = [...values.slice(values.length >> 1), ...shown.map(({ value }) => value)];
  const top = largest([...inner, sorted[Math.floor(sorted.length * 0.93)] ?? 0]);
  const low = -largest([...inner, sorted[0] ?? 0].map((value) => -value));
  const margin = 0.05 * (top - low) || 0.05 * Math.abs(top) || 1;
  return [low - margin, top + margin];
}

/** How many times larger than the median of the values the largest is. */
function spreadOf(points: readonly Point[]): number {
  const values = points.map(({ value }) => value).filter((value) => value > 0 && Number.isFinite(value));
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted.at(-1) ?? 1) / (sorted[sorted.length >> 1] ?? 1);
}

function largest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY); // Math.max(...) has a limit on arguments
}

/** Few enough points for a line, evenly taken, the last one always among them. */
function thin(points: readonly Point[]): Point[] {
  const stride = Math.ceil(points.length / drawnPoints);
  return points.filter((_, i) => (points.length - 1 - i) % stride === 0);
}

/** Few enough points for a noisy line: of each group of neighbours the lowest and the highest, so that no spike is lost. */
function extremes(points: readonly Point[]): Point[] {
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

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
