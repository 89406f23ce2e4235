/** A chart of a run's values, or of several runs', that one reads and zooms by pointer and by keys: data here, behaviour in chart-script. */
import type { RunEvent } from "../../index.js";
import { imagesPerSecond, scoresOfRun } from "../../public/runs.js";
import { Html, html } from "./html.js";

type Points = readonly (readonly [step: number, value: number])[];

/** One quantity, with a line for each run, or for training and held-out pictures. */
export interface Panel {
  readonly title: string;
  /** Shares that are read in per cent. */
  readonly isShare: boolean;
  readonly lines: readonly { readonly name: string; readonly points: Points }[];
}

/** Lines of more points are means of as many neighbours as make them fewer. */
const mostPoints = 2000;

/** What a run logged over its steps: one quantity a panel, the held-out loss beside the loss of training. */
export function runPanels(events: readonly RunEvent[]): Panel[] {
  const [loss, heldOut, ...rest] = quantities(events) as [Quantity, Quantity, ...Quantity[]];
  const both = [
    { name: "training", points: loss.points },
    { name: "held out", points: heldOut.points },
  ];
  const panels = [
    { title: "loss", isShare: false, lines: both },
    ...rest.map(({ title, isShare, points }) => ({ title, isShare, lines: [{ name: title, points }] })),
  ];
  return withPoints(panels);
}

/** The same of several runs: a line each. */
export function comparisonPanels(
  runs: readonly { readonly name: string; readonly events: readonly RunEvent[] }[],
): Panel[] {
  const all = runs.map(({ name, events }) => ({ name, quantities: quantities(events) }));
  const titles = [...new Set(all.flatMap((run) => run.quantities.map(({ title }) => title)))];
  const panels = titles.map((title): Panel => {
    const found = all.flatMap(({ name, quantities: own }) => {
      const quantity = own.find((one) => one.title === title);
      return quantity === undefined ? [] : [{ name, ...quantity }];
    });
    return {
      title,
      isShare: found[0]?.isShare ?? false,
      lines: found.map(({ name, points }) => ({ name, points })),
    };
  });
  return withPoints(panels);
}

/** Lines and panels that have something to show. */
function withPoints(panels: readonly Panel[]): Panel[] {
  return panels
    .map((panel) => ({ ...panel, lines: panel.lines.filter(({ points }) => points.length > 0) }))
    .filter(({ lines }) => lines.length > 0);
}

interface Quantity {
  readonly title: string;
  readonly isShare: boolean;
  readonly points: Points;
}

const probeTitles: Readonly<Record<string, string>> = {
  knn: "k-NN accuracy",
  linear: "linear probe accuracy",
  featureRank: "feature rank",
  featureStd: "spread of the features",
};
const scoreTitles: Readonly<Record<string, string>> = { top1: "top-1", top5: "top-5", meanPerClass: "mean per class" };

/** The loss, the held-out loss, and all else that was logged. */
function quantities(events: readonly RunEvent[]): Quantity[] {
  const steps = events.filter((event) => event.type === "step");
  const scored = scoresOfRun(events);
  const quantity = (title: string, points: Points, isShare = false): Quantity => ({
    title,
    isShare,
    points: thinned(points),
  });
  const heldOut = events.filter((event) => event.type === "heldOut");
  return [
    quantity(
      "loss",
      steps.map(({ step, loss }) => [step, loss]),
    ),
    quantity(
      "held-out loss",
      heldOut.map(({ step, loss }) => [step, loss]),
    ),
    ...Object.entries(scoreTitles).map(([name, title]) =>
      quantity(
        title,
        scored.map(({ step, scores }) => [step, scores[name] ?? Number.NaN]),
        true,
      ),
    ),
    ...Object.entries(probeTitles).map(([name, title]) =>
      quantity(
        title,
        events.flatMap((event) =>
          event.type === "probe" && event.name === name ? [[event.step, event.value] as const] : [],
        ),
        name === "knn" || name === "linear",
      ),
    ),
    quantity(
      "learning rate",
      steps.map(({ step, learningRate }) => [step, learningRate]),
    ),
    quantity(
      "gradient norm",
      steps.map(({ step, gradNorm }) => [step, gradNorm ?? Number.NaN]),
    ),
    quantity(
      "images per second",
      imagesPerSecond(steps).map(({ step, value }) => [step, value]),
    ),
  ];
}

/** Finite values, five digits, at most `mostPoints`: means of neighbours stand at the last step of each. */
function thinned(points: Points): Points {
  const finite = points.filter(([, value]) => Number.isFinite(value));
  const group = Math.ceil(finite.length / mostPoints);
  const short = (value: number): number => Number(value.toPrecision(5));
  return Array.from({ length: Math.ceil(finite.length / group) }, (_, i) => {
    const some = finite.slice(i * group, (i + 1) * group);
    return [(some.at(-1) as Points[number])[0], short(some.reduce((sum, [, value]) => sum + value, 0) / some.length)];
  });
}

/** Nothing without scripts: then the drawn curves say it. */
export function chartSection(panels: readonly Panel[]): Html | undefined {
  if (panels.length === 0) return undefined;
  const data = new Html(JSON.stringify(panels).replaceAll("<", "\\u003c")); // no text of it ends the element
  return html`<section class="chart" aria-labelledby="values" hidden><h2 id="values">Values</h2><div class="bar"><label for="quantity">Quantity</label><select id="quantity">${panels.map(({ title }, i) => html`<option value="${i}">${title}</option>`)}</select><button type="button" data-zoom="in">Zoom in</button><button type="button" data-zoom="out">Zoom out</button><button type="button" data-zoom="all">All steps</button></div><div class="plot" role="slider" tabindex="0" aria-label="Step" aria-valuemin="0" aria-valuemax="0" aria-valuenow="0"><svg viewBox="0 0 960 320" aria-hidden="true"></svg></div><output></output><p class="quiet">Point or use the arrow keys to read values; drag, or + and −, to zoom; 0 shows all steps.</p><script type="application/json">${data}</script></section>`;
}
