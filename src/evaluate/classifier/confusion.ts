/** Pictures of what a classifier takes for what: the confusion matrix, and a sheet of its most confident mistakes. */
import sharp from "sharp";
import type { TopLevelSpec } from "vega-lite";
import { openLoader } from "../../data/loader.js";
import type { Source } from "../../data/source.js";
import { subsetOf } from "../../data/sources/subset.js";
import { drawingStyle, svgOf, svgText } from "../../runs/drawing.js";
import type { Classified } from "./classify.js";

/** With more classes names and numbers could not be read: those that are confused most are drawn. */
const drawnClasses = 40;

/** The matrix as the text of an SVG: a row a true class, shares of the row as shades, counts as numbers. */
export function drawConfusion(
  confusion: readonly (readonly number[])[],
  names: readonly string[],
  title: string,
): Promise<string> {
  const shown = mostConfused(confusion, drawnClasses);
  const values = shown.flatMap((truth) => {
    const row = confusion[truth] as readonly number[];
    const total = row.reduce((a, b) => a + b, 0);
    return shown.map((predicted) => {
      const count = row[predicted] as number;
      const share = total === 0 ? 0 : count / total;
      return { truth: `${names[truth]}`, predicted: `${names[predicted]}`, share, count };
    });
  });
  const left =
    names.length > shown.length ? `the ${shown.length} of ${names.length} classes that are confused most; ` : "";
  const order = shown.map((label) => `${names[label]}`);
  return svgOf(
    matrix(values, order, title, `${left}a row is a true class, a column a predicted one; what is framed is right`),
  );
}

/** At most `count` classes, those with the most mistakes, in their own order. */
function mostConfused(confusion: readonly (readonly number[])[], most: number): number[] {
  const mistakes = confusion.map((row, label) =>
    row.reduce((sum, count, other) => sum + (other === label ? 0 : count + (confusion[other]?.[label] ?? 0)), 0),
  );
  const order = Array.from(confusion.keys()).sort((a, b) => (mistakes[b] as number) - (mistakes[a] as number) || a - b);
  return order.slice(0, most).sort((a, b) => a - b);
}

function matrix(values: readonly object[], order: readonly string[], title: string, subtitle: string): TopLevelSpec {
  const step = Math.max(24, Math.min(48, Math.floor(800 / order.length)));
  const axis = { ticks: false, labelLimit: 0, labelOverlap: false }; // whole names, all of them
  const encoding = {
    x: { field: "predicted", type: "nominal", sort: order, title: null, axis: { ...axis, labelAngle: -45 } },
    y: { field: "truth", type: "nominal", sort: order, title: null, axis },
  };
  const scale = { domain: [0, 1], interpolate: "rgb", range: ["#ffffff", "#08519c"] };
  const color = { field: "share", type: "quantitative", scale, legend: null };
  const white = { condition: { test: "datum.share > 0.5", value: "white" }, value: "#374151" };
  const text = { field: "count", type: "quantitative" };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 16,
    title: { text: title, subtitle, anchor: "start", fontSize: 16, subtitleFontSize: 12, offset: 12 },
    width: step * order.length,
    height: step * order.length,
    data: { values },
    layer: [
      { mark: "rect", encoding: { ...encoding, color } },
      {
        transform: [{ filter: "datum.truth === datum.predicted" }],
        mark: { type: "rect", filled: false, stroke: "#b45309", strokeWidth: 1.5 },
        encoding,
      },
      {
        transform: [{ filter: "datum.count > 0" }],
        mark: { type: "text", fontSize: Math.min(12, step / 3) },
        encoding: { ...encoding, text, color: white },
      },
    ],
    config: drawingStyle,
  } as unknown as TopLevelSpec;
}

export interface Mistake {
  readonly sample: number;
  readonly truth: number;
  readonly predicted: number;
  /** Of the class that was predicted. */
  readonly probability: number;
}

/** Mistakes, the most confident first; of equal ones the first in the source. */
export function mistakesOf(pictures: readonly Classified[], count: number): Mistake[] {
  const wrong = pictures.flatMap(({ sample, label, probabilities }): Mistake[] => {
    const probability = probabilities.reduce((a, b) => Math.max(a, b), 0);
    const predicted = probabilities.indexOf(probability);
    return label === undefined || predicted === label ? [] : [{ sample, truth: label, predicted, probability }];
  });
  return wrong.sort((a, b) => b.probability - a.probability || a.sample - b.sample).slice(0, count);
}

const tile = { side: 144, gap: 12, caption: 44, columns: 6 };

/** Mistakes -> PNG: a tile each, with what it is and what it was taken for. Undefined where there is none. */
export async function drawMistakes(
  mistakes: readonly Mistake[],
  source: Source,
  names: readonly string[],
): Promise<Buffer | undefined> {
  if (mistakes.length === 0) return undefined;
  const { side, gap, caption, columns } = tile;
  const across = Math.min(columns, mistakes.length);
  const width = gap + across * (side + gap);
  const height = gap + Math.ceil(mistakes.length / columns) * (side + caption);
  const place = (i: number): { left: number; top: number } => ({
    left: gap + (i % columns) * (side + gap),
    top: gap + Math.floor(i / columns) * (side + caption),
  });
  const pixels = await pixelsOf(
    source,
    mistakes.map(({ sample }) => sample),
  );
  const raw = { width: side, height: side, channels: 3 } as const;
  const tiles = await Promise.all(
    pixels.map(async (data, i) => ({ input: await sharp(data, { raw }).png().toBuffer(), ...place(i) })),
  );
  const words = mistakes.map(({ truth, predicted, probability }, i) => {
    const { left, top } = place(i);
    const second = `as ${cut(`${names[predicted]}`, 13)}, ${(100 * probability).toFixed(0)} %`;
    return svgText(cut(`${names[truth]}`, 17), left, top + side + 15, 13) + svgText(second, left, top + side + 31, 11);
  });
  const labels = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${words.join("")}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: "#ffffff" } })
    .composite([...tiles, { input: Buffer.from(labels), left: 0, top: 0 }])
    .png()
    .toBuffer();
}

async function pixelsOf(source: Source, samples: readonly number[]): Promise<Buffer[]> {
  const { side } = tile;
  const view = [
    { type: "resize", size: side },
    { type: "centerCrop", size: [side, side] },
  ] as const;
  const options = {
    views: { image: view },
    batchSize: samples.length,
    seed: 0,
    workers: 0,
    shuffle: false,
    dropLast: false,
  };
  await using loader = openLoader(subsetOf(source, samples), { ...options, channels: 3, maxBadShare: 1 });
  for await (const { views } of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 })) {
    const data = Buffer.from(views["image"]?.data ?? []);
    return samples.map((_, i) => data.subarray(i * side * side * 3, (i + 1) * side * side * 3));
  }
  return [];
}

function cut(words: string, most: number): string {
  return words.length > most ? `${words.slice(0, most - 1)}…` : words;
}
