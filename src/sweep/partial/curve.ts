/** The picture of partial fine-tuning: accuracy over the number of last blocks that were trained (MAE, figure 9). */
import type { TopLevelSpec } from "vega-lite";
import { drawingStyle, svgOf } from "../../runs/drawing.js";
import type { Interval } from "../../runs/summary.js";

export interface BlocksPoint {
  /** As it was asked for: `0`, `0.5`, `4`, `all`. */
  readonly blocks: string;
  /** Accuracy from 0 to 1, over the seeds. */
  readonly mean: number;
  /** Undefined for one seed. */
  readonly deviation: number | undefined;
  /** Of one seed: between which accuracies the true one lies, 19 times of 20. */
  readonly interval?: Interval;
}

const colour = "#1f4e96";

/** Points in their order, evenly spaced as in the paper, as the text of an SVG. Bars are one deviation up and down, or the interval. */
export function drawBlocks(points: readonly BlocksPoint[], subtitle: string): Promise<string> {
  const values = points.map(({ blocks, mean, deviation = 0, interval = [mean - deviation, mean + deviation] }) => ({
    blocks: blocks === "0.5" ? "½" : blocks,
    percent: 100 * mean,
    low: 100 * interval[0],
    high: 100 * interval[1],
    label: (100 * mean).toFixed(1),
  }));
  const [lowest, highest] = [Math.min(...values.map(({ low }) => low)), Math.max(...values.map(({ high }) => high))];
  const margin = Math.max(1, 0.15 * (highest - lowest));
  const domain = [Math.max(0, lowest - margin), highest + 1.5 * margin]; // the highest number stands inside
  const title = "last blocks trained (0: linear probe, ½: an MLP)";
  const x = { field: "blocks", type: "ordinal", sort: null, title, axis: { labelAngle: 0 } };
  const y = { type: "quantitative", title: "top-1 accuracy, %", scale: { domain, nice: false, zero: false } };
  const point = { filled: true, size: 60, color: colour };
  return svgOf({
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 16,
    title: { text: "Partial fine-tuning", subtitle, anchor: "start", fontSize: 16, subtitleFontSize: 12, offset: 12 },
    width: Math.max(520, 65 * values.length),
    height: 300,
    data: { values },
    encoding: { x },
    layer: [
      { mark: { type: "rule", color: colour }, encoding: { y: { field: "low", ...y }, y2: { field: "high" } } },
      { mark: { type: "line", color: colour, strokeWidth: 2, point }, encoding: { y: { field: "percent", ...y } } },
      {
        // Above the bar of its deviation, where no line and no neighbour passes: places are 65 points apart or more.
        mark: { type: "text", dy: -10, align: "center", fontSize: 12 },
        encoding: { y: { field: "high", ...y }, text: { field: "label", type: "nominal" } },
      },
    ],
    config: drawingStyle,
  } as unknown as TopLevelSpec);
}
