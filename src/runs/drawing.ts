/** Pictures from specifications of Vega-Lite, in one style, without a browser. */
import { join } from "node:path";
import type { TopLevelSpec } from "vega-lite";
import { writeAtomic } from "./write-atomic.js";

/** Colours of lines that must be told from one another, on white. */
export const palette = ["#1f4e96", "#d9640d", "#2f7d4f", "#8b3fa8", "#b8860b", "#3a8fb7", "#c0392b", "#6b7280"];

/** Fonts and colours that all pictures share. */
export const drawingStyle: Record<string, unknown> = {
  font: "DejaVu Sans, Helvetica, Arial, sans-serif",
  view: { stroke: "#d1d5db" },
  axis: {
    labelColor: "#374151",
    titleColor: "#111827",
    gridColor: "#eef0f3",
    labelFontSize: 12,
    titleFontSize: 13,
  },
  legend: {
    labelFontSize: 12,
    title: null,
    orient: "top",
    direction: "horizontal",
    offset: 4,
    symbolStrokeWidth: 3,
    labelLimit: 300,
  },
};

/** The text of an SVG. */
export async function svgOf(specification: TopLevelSpec): Promise<string> {
  // Loaded here, since they take a quarter of a second that a command which draws nothing should not pay.
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const { spec } = vegaLite.compile(specification);
  const view = new vega.View(vega.parse(spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** A PNG of an SVG, at twice its size. */
export async function pngOf(svg: string): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  return sharp(Buffer.from(svg), { density: 144 }).flatten({ background: "white" }).png().toBuffer();
}

/** Writes a drawing into a folder as name.svg and name.png. @throws RunError "no-space", "system" */
export async function writeDrawing(folder: string, name: string, svg: string): Promise<{ svg: string; png: string }> {
  const paths = { svg: join(folder, `${name}.svg`), png: join(folder, `${name}.png`) };
  writeAtomic(paths.svg, svg);
  writeAtomic(paths.png, await pngOf(svg));
  return paths;
}

/** Words as an element of an SVG. @param x, y in pixels: where their base line begins, or its middle */
export function svgText(
  words: string,
  x: number,
  y: number,
  size: number,
  anchor: "start" | "middle" = "start",
): string {
  const safe = words.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="${size}" fill="#333">${safe}</text>`;
}
