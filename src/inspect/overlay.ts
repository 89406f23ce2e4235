/** Curves of several runs in one picture, laid over one another. */
import type { TopLevelSpec } from "vega-lite";
import { drawnProbes, lossDomain } from "../runs/curves/curves.js";
import { gap, type Layer, thin, wide, xAxis } from "../runs/curves/panels.js";
import { drawingStyle, palette, svgOf } from "../runs/drawing.js";
import type { RunEvent } from "../runs/schema.js";
import { centredAverage, type Point } from "../runs/summary.js";

/** One of the runs in a picture of curves. */
export interface OverlaidRun {
  /** In the legend; another one for each run. */
  readonly name: string;
  readonly events: readonly RunEvent[];
}

interface Line {
  readonly name: string;
  readonly points: readonly Point[];
}

interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Points are few: each is shown. */
  readonly dots: boolean;
  readonly format: string;
}

/** Beyond the colours, the next runs have the same ones with dashes. */
const dashes = [
  [1, 0],
  [7, 3],
  [2, 2],
  [7, 3, 2, 3],
];

/**
 * The smoothed loss, held-out loss, gradient norm and probes of each run over its steps, as the text of an SVG; undefined where no
 * run has a step. What a run did not log is left out.
 */
export async function drawOverlaid(runs: readonly OverlaidRun[], title = ""): Promise<string | undefined> {
  const loss = linesOf(runs, lossOf, true);
  if (loss.length === 0) return undefined;
  const final = Math.max(1, ...runs.map(({ events }) => events.at(-1)?.step ?? 0));
  const names = runs.map(({ name }) => name);
  const panels = smallPanels(runs).map((panel) => smallLayer(panel, names, final));
  const below = { columns: 3, spacing: { column: gap, row: 76 }, bounds: "flush", concat: panels };
  return svgOf({
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 16,
    ...(title === "" ? {} : { title: { text: title, anchor: "start", fontSize: 18, offset: 14 } }),
    spacing: 88,
    bounds: "flush",
    vconcat: [lossLayer(loss, names, final), ...(panels.length > 0 ? [below] : [])],
    resolve: { scale: { color: "independent", strokeDash: "independent" } },
    config: drawingStyle,
  } as unknown as TopLevelSpec);
}

function lossOf(event: RunEvent): number | undefined {
  return event.type === "step" ? event.loss : undefined;
}

/** One line a run that has such values; smoothed where they are noisy. */
function linesOf(
  runs: readonly OverlaidRun[],
  measured: (event: RunEvent) => number | null | undefined,
  smoothed: boolean,
): Line[] {
  return runs.flatMap(({ name, events }) => {
    const points = events.flatMap((event) => {
      const value = measured(event);
      return typeof value === "number" && Number.isFinite(value) ? [{ step: event.step, value }] : [];
    });
    return points.length === 0 ? [] : [{ name, points: smoothed ? centredAverage(points) : points }];
  });
}

function smallPanels(runs: readonly OverlaidRun[]): Panel[] {
  const heldOut = linesOf(runs, (event) => (event.type === "heldOut" ? event.loss : undefined), false);
  const norms = linesOf(runs, (event) => (event.type === "step" ? event.gradNorm : undefined), true);
  const probes = Object.entries(drawnProbes).map(([probe, { title, format }]) => {
    const lines = linesOf(
      runs,
      (event) => (event.type === "probe" && event.name === probe ? event.value : undefined),
      false,
    );
    return { title, format, lines, dots: true };
  });
  const all: Panel[] = [
    { title: "held-out loss", lines: heldOut, dots: true, format: "~g" },
    { title: "gradient norm (L2), smoothed", lines: norms, dots: false, format: "~g" },
    ...probes,
  ];
  return all.filter(({ lines }) => lines.length > 0);
}

function lossLayer(lines: readonly Line[], names: readonly string[], final: number): Layer {
  const domains = lines.map(({ points }) => lossDomain(points, []));
  const domain = [Math.min(...domains.map(([low]) => low)), Math.max(...domains.map(([, high]) => high))];
  const longest = Math.max(...names.map(({ length }) => length));
  const legend = { columns: Math.max(1, Math.floor(wide / (60 + 7 * longest))), symbolType: "stroke" };
  const y = {
    field: "value",
    type: "quantitative",
    title: "loss, smoothed",
    scale: { domain, nice: false, zero: false },
  };
  return {
    width: wide,
    height: 300,
    data: valuesOf(lines),
    mark: { type: "line", clip: true, strokeWidth: 2 },
    encoding: { x: xAxis(final, 10), y, ...told(names, legend) },
  };
}

function smallLayer({ title, lines, dots, format }: Panel, names: readonly string[], final: number): Layer {
  const axis = { labelExpr: `datum.value === 0 ? "0" : format(datum.value, "${format}")`, tickCount: 4 };
  const y = { field: "value", type: "quantitative", title: null, scale: { zero: false, nice: true }, axis };
  return {
    width: (wide - 2 * gap) / 3,
    height: 150,
    title: { text: title, anchor: "start", frame: "group", fontSize: 13, fontWeight: "normal", offset: 6 },
    data: valuesOf(lines),
    mark: { type: "line", strokeWidth: 1.5, ...(dots ? { point: { size: 25 } } : {}) },
    encoding: { x: xAxis(final, 4), y, ...told(names, null) },
  };
}

function valuesOf(lines: readonly Line[]): Layer {
  return { values: lines.flatMap(({ name: run, points }) => thin(points).map((point) => ({ run, ...point }))) };
}

/** By what a run's line is told from the others: its colour, and its dashes where there are more runs than colours. */
function told(names: readonly string[], legend: Layer | null): Layer {
  const run = { field: "run", type: "nominal", legend };
  const range = names.map((_, i) => palette[i % palette.length]);
  const dash = names.map((_, i) => dashes[Math.floor(i / palette.length) % dashes.length]);
  return {
    color: { ...run, scale: { domain: names, range } },
    ...(names.length > palette.length ? { strokeDash: { ...run, scale: { domain: names, range: dash } } } : {}),
  };
}
