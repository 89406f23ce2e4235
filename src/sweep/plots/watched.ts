/** What was watched while a sweep's points were trained: a panel for each quantity, a line for each point. */
import type { TopLevelSpec } from "vega-lite";
import { thin } from "../../runs/curves/panels.js";
import { drawingStyle, palette, svgOf, writeDrawing } from "../../runs/drawing.js";
import type { RunEvent } from "../../runs/schema.js";
import { centredAverage } from "../../runs/summary.js";
import type { Sweep } from "../define.js";

/** A point, and what its run has written. */
export interface WatchedPoint {
  readonly id: string;
  readonly events: readonly RunEvent[];
}

/**
 * Draws watched.svg and watched.png into a folder; nothing where nothing is to be watched or no step has logged it.
 * @throws RunError "no-space", "system"
 */
export async function writeWatched(
  folder: string,
  sweep: Pick<Sweep, "title" | "watched">,
  points: readonly WatchedPoint[],
): Promise<{ svg: string; png: string } | undefined> {
  const drawing = await drawWatched(sweep, points);
  return drawing === undefined ? undefined : writeDrawing(folder, "watched", drawing);
}

/** The picture as the text of an SVG; undefined where there is nothing to draw. */
export async function drawWatched(
  { title, watched }: Pick<Sweep, "title" | "watched">,
  points: readonly WatchedPoint[],
): Promise<string | undefined> {
  const panels = watched.flatMap((name) => {
    const values = points.flatMap((point) => lineOf(point, name));
    return values.length === 0 ? [] : [panelOf(name, values, points)];
  });
  if (panels.length === 0) return undefined;
  return svgOf({
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 16,
    title: { text: title, anchor: "start", fontSize: 18, offset: 18 },
    spacing: 60,
    hconcat: panels,
    config: drawingStyle,
  } as unknown as TopLevelSpec);
}

interface Mark {
  readonly step: number;
  readonly value: number;
  readonly line: string;
}

/** A quantity of one point over its steps, smoothed as a run's own curves are. */
function lineOf({ id, events }: WatchedPoint, name: string): Mark[] {
  const logged = events.flatMap((event) => {
    const value = event.type === "step" ? event.parts?.[name] : undefined;
    return event.type === "step" && typeof value === "number" ? [{ step: event.step, value }] : [];
  });
  return thin(centredAverage(logged)).map((mark) => ({ ...mark, line: id }));
}

function panelOf(name: string, values: readonly Mark[], points: readonly WatchedPoint[]): object {
  const domain = points.map(({ id }) => id);
  return {
    ...{ width: 380, height: 230, data: { values } },
    title: { text: name, anchor: "start", fontSize: 14, offset: 8 },
    mark: { type: "line", strokeWidth: 2 },
    encoding: {
      x: { field: "step", type: "quantitative", title: "step" },
      y: { field: "value", type: "quantitative", title: null, scale: { zero: false } },
      color: { field: "line", type: "nominal", scale: { domain, range: palette }, legend: { columns: 3 } },
    },
  };
}
