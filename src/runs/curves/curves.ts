/** Pictures of a run's curves: loss, held-out loss, learning rate, gradient norm, speed. */
import { basename, resolve } from "node:path";
import type { TopLevelSpec } from "vega-lite";
import { drawingStyle, svgOf, writeDrawing } from "../drawing.js";
import { type OpenedRun, openRun } from "../reader.js";
import type { RunEvent, StepEvent } from "../schema.js";
import { centredAverage, imagesPerSecond, type Point, wilsonInterval } from "../summary.js";
import {
  centred,
  colours,
  extremes,
  gap,
  type Layer,
  largest,
  type RecordedBand,
  recordedLayers,
  type SmallPanel,
  smallPanel,
  spreadOf,
  thin,
  wide,
  xAxis,
} from "./panels.js";

export interface CurveOptions {
  readonly title: string;
  readonly subtitle?: string;
  /** The loss of a model that learned nothing, drawn as a dashed line. */
  readonly baseline?: number;
  /** What such a model does, said beside the line. */
  readonly answer?: string | undefined;
  readonly recorded?: RecordedCurves | undefined;
}

/** Recorded runs to draw behind a run: `loss`, `gradNorm` and probes by their names. */
export interface RecordedCurves {
  readonly name: string;
  readonly curves: Readonly<Record<string, readonly RecordedBand[]>>;
}

/**
 * Draws curves.svg and curves.png into a run's folder; the SVG is the one to trust: on a machine without fonts the PNG has no
 * letters.
 * @returns the two paths
 * @throws RunError as `openRun` does, "no-space"
 */
export async function writeCurves(
  of: string | OpenedRun,
  options: Pick<CurveOptions, "recorded"> = {},
): Promise<{ svg: string; png: string }> {
  const { folder, run, events } = typeof of === "string" ? openRun(of) : of;
  const baseline = run.derived["baseline"];
  const subtitle = `${run.command} — ${run.machine.device}, ${run.machine.precision}`;
  const drawing = await drawCurves(events, {
    title: basename(resolve(folder)),
    subtitle,
    ...options,
    ...(baseline === undefined ? {} : { baseline, answer: run.health?.trivialAnswer }),
  });
  return writeDrawing(folder, "curves", drawing);
}

/** The curves as the text of an SVG. */
export async function drawCurves(events: readonly RunEvent[], options: CurveOptions): Promise<string> {
  return svgOf(specification(events, options));
}

function specification(events: readonly RunEvent[], options: CurveOptions): TopLevelSpec {
  const { title, subtitle, recorded } = options;
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
      lossPanel(events, steps, final, options),
      {
        // One grid: in vega-lite a row of panels below another row of panels would lie over it.
        columns: 3,
        spacing: { column: gap, row: 76 },
        bounds: "flush",
        concat: [
          smallPanel(rate, final, { title: "learning rate", format: ".1~e", zero: true }),
          smallPanel(norms, final, {
            title: normTitle,
            format: "~g",
            log: spread > 30,
            smoothed: true,
            recorded: centred(recorded?.curves["gradNorm"]),
          }),
          smallPanel(speed, final, { title: "images per second", format: "~s", zero: true, smoothed: true }),
          ...probePanels(events, final, recorded),
        ],
      },
    ],
    config: drawingStyle,
  } as unknown as TopLevelSpec;
}

/** How each probe is drawn; one that is not here is not. */
export const drawnProbes: Readonly<Record<string, { title: string; format: string }>> = {
  knn: { title: "k-NN accuracy", format: ".1%" },
  linear: { title: "linear probe accuracy", format: ".1%" },
  featureRank: { title: "feature rank", format: "~g" },
  featureStd: { title: "spread of the features", format: "~g" },
};

/** A row for the first three probes that a run has. */
function probePanels(events: readonly RunEvent[], final: number, recorded: RecordedCurves | undefined): Layer[] {
  const panels = Object.entries(drawnProbes).flatMap(([name, { title, format }]) => {
    const found = events.filter((event) => event.type === "probe").filter((event) => event.name === name);
    const points = found.map(({ step, value }) => ({ step, value }));
    const isBefore = points.every(({ step }) => step === 0);
    const panel = { format, dots: true, recorded: recorded?.curves[name], ...accuracyMarks(found) };
    const said = isBefore ? `${title}, before training` : title;
    return points.length === 0 ? [] : [smallPanel(points, final, { ...panel, title: said })];
  });
  return panels.slice(0, 3);
}

/** Of accuracies: their 95 % intervals, and the means over the classes. */
function accuracyMarks(
  found: readonly Extract<RunEvent, { type: "probe" }>[],
): Pick<SmallPanel, "bars" | "beside" | "note"> {
  const bars = found.flatMap(({ step, value, pictures }) => {
    if (pictures === undefined) return [];
    const [low, high] = wilsonInterval(value, pictures);
    return [{ step, low, high }];
  });
  const beside = found.flatMap(({ step, meanPerClass }) =>
    meanPerClass === undefined ? [] : [{ step, value: meanPerClass }],
  );
  return bars.length === 0 ? {} : { bars, beside, note: "bars: 95 % interval; dashed: mean per class" };
}

function lossPanel(
  events: readonly RunEvent[],
  steps: readonly StepEvent[],
  final: number,
  { baseline, answer = "predicting the mean", recorded }: CurveOptions,
): Layer {
  const loss = steps.map(({ step, loss: value }) => ({ step, value }));
  const smoothed = centredAverage(loss);
  const heldOut = events.flatMap((event) =>
    event.type === "heldOut" && Number.isFinite(event.loss) ? [{ step: event.step, value: event.loss }] : [],
  );
  const level = baseline === undefined ? [] : [{ step: 0, value: baseline }];
  const shown = [...heldOut.slice(heldOut.length >> 1), ...level];
  const domain = lossDomain(loss, shown);
  const y = { field: "value", type: "quantitative", title: "loss", scale: { domain, nice: false, zero: false } };
  const line = (points: readonly Point[], name: string, mark: Layer): Layer => ({
    data: { values: points },
    mark: { type: "line", clip: true, ...mark },
    encoding: { x: xAxis(final, 10), y, color: { datum: name } },
  });
  const key: [string, string][] = [
    ["each step", colours.raw],
    ["smoothed", colours.smoothed],
    ...(heldOut.length > 0 ? [["held out", colours.heldOut] as [string, string]] : []),
    ...(recorded === undefined ? [] : [[`recorded: ${recorded.name}`, colours.recorded] as [string, string]]),
  ];
  const [names, range] = [key.map(([name]) => name), key.map(([, colour]) => colour)];
  return {
    width: wide,
    height: 300,
    layer: [
      ...recordedLayers(
        centred(recorded?.curves["loss"])?.filter(([step]) => step <= final),
        y,
        final,
        10,
      ),
      line(extremes(loss), "each step", { strokeWidth: 1 }),
      ...(baseline === undefined ? [] : baselineLayers(baseline, answer, y)),
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

function baselineLayers(baseline: number, answer: string, y: Layer): Layer[] {
  const data = { values: [{ value: baseline }] };
  return [
    { data, mark: { type: "rule", strokeDash: [5, 4], color: colours.quiet }, encoding: { y } },
    {
      data,
      mark: { type: "text", align: "right", baseline: "top", dx: -6, dy: 4, fontSize: 12, color: colours.quiet },
      encoding: { y, x: { value: wide }, text: { value: answer } },
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

/**
 * From the lowest to the highest loss, but for the fall of the first steps, which would press all the rest flat: the top is
 * the 93rd percentile, or what the second half of the run reaches if that is more. `shown` is in sight in any case.
 */
export function lossDomain(loss: readonly Point[], shown: readonly Point[]): [number, number] {
  const values = loss.map(({ value }) => value).filter((value) => Number.isFinite(value));
  const sorted = values.toSorted((a, b) => a - b);
  const inner = [...values.slice(values.length >> 1), ...shown.map(({ value }) => value)];
  const top = largest([...inner, sorted[Math.floor(sorted.length * 0.93)] ?? 0]);
  const low = -largest([...inner, sorted[0] ?? 0].map((value) => -value));
  const margin = 0.05 * (top - low) || 0.05 * Math.abs(top) || 1;
  return [low - margin, top + margin];
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
