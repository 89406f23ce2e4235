/** A flame graph: boxes as wide as their time, what took part of it below. */
import type { TopLevelSpec } from "vega-lite";
import type { Flame } from "../graph/profile.js";
import { drawingStyle, svgOf } from "../runs/drawing.js";

interface Box {
  readonly name: string;
  /** What is written in it: nothing where there is no room. */
  readonly label: string;
  readonly tooltip: string;
  readonly from: number;
  readonly to: number;
  readonly middle: number;
  readonly depth: number;
  readonly below: number;
  readonly phase: string;
}

const [width, rowHeight] = [1400, 22];
/** Of a letter of the labels, in pixels. */
const letter = 6;
/** Boxes below this share of the step are left out: they would be thinner than their borders. */
const thinnest = 0.0005;

/** The boxes of a flame graph, from the top; in milliseconds; side by side in the order in which they began. */
export function flameBoxes(root: Flame): Box[] {
  const boxes: Box[] = [];
  const place = (node: Flame, from: number, depth: number, phase: string): void => {
    const share = node.seconds / root.seconds;
    if (share < thinnest) return;
    const to = from + node.seconds * 1000;
    const room = Math.floor((share * width - 6) / letter);
    const label = room < 3 ? "" : node.name.length <= room ? node.name : `${node.name.slice(0, room - 1)}…`;
    const tooltip = `${node.name}: ${(node.seconds * 1000).toFixed(2)} ms, ${(100 * share).toFixed(1)} %`;
    boxes.push({ name: node.name, label, tooltip, from, to, middle: (from + to) / 2, depth, below: depth + 1, phase });
    let at = from;
    for (const child of node.children) {
      place(child, at, depth + 1, depth === 0 ? child.name : phase);
      at += child.seconds * 1000;
    }
  };
  place(root, 0, 0, "step");
  return boxes;
}

/** As the text of an SVG: time to the right, calls downwards, one colour a phase. */
export function drawFlame(root: Flame, title: string): Promise<string> {
  return svgOf(flameGraph(root, title));
}

function flameGraph(root: Flame, title: string): TopLevelSpec {
  const boxes = flameBoxes(root);
  const deepest = Math.max(...boxes.map(({ below }) => below));
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: { text: title, anchor: "start", fontSize: 15 },
    width,
    height: deepest * rowHeight,
    background: "white",
    data: { values: boxes },
    config: drawingStyle as NonNullable<TopLevelSpec["config"]>,
    encoding: {
      x: { field: "from", type: "quantitative", title: "milliseconds", axis: { grid: false }, scale: { nice: false } },
      y: { field: "depth", type: "quantitative", axis: null, scale: { domain: [0, deepest], reverse: true } },
    },
    layer: [
      {
        mark: { type: "rect", stroke: "white", strokeWidth: 1 },
        encoding: {
          x2: { field: "to" },
          y2: { field: "below" },
          color: {
            field: "phase",
            type: "nominal",
            scale: {
              domain: ["step", "forward", "backward", "other"],
              range: ["#d1d5db", "#93c5fd", "#fdba74", "#a7f3d0"],
            },
          },
          tooltip: { field: "tooltip" },
        },
      },
      {
        mark: { type: "text", fontSize: 10, baseline: "middle", dy: rowHeight / 2, color: "#111827" },
        encoding: { x: { field: "middle", type: "quantitative" }, text: { field: "label" } },
      },
    ],
  };
}
