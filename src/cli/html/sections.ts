/** The parts of a report. Each is nothing where there is nothing to say. */

import type { RunEvent, RunFile, RunSummary, Verdict } from "../../index.js";
import {
  badPictures,
  flattened,
  frozenAccuracies,
  type ProbeSummary,
  probeSummaries,
  scoresOfRun,
} from "../../public/runs.js";
import { frozenRows, neverRightText, scoresText } from "../training/accuracy.js";
import { accuracyText, gainsText, inProbeOrder, probeNeighbours, probeWords } from "../training/probes.js";
import { duration, figure, percent, whole } from "../words.js";
import { Html, html } from "./html.js";
import type { Frame } from "./pictures.js";

type Row = readonly [string, string | Html];

/** Rows of long lists that are shown. */
const mostRows = 200;

export function verdictSection({ status, headline, causes, evidence }: Verdict): Html {
  const kind = status === "normal" ? "good" : status === "too-early" || status === "stopped" ? "wait" : "bad";
  const numbers = Object.entries(evidence).map(([name, value]) => `${spoken(name)} ${figure(value)}`);
  return html`<section class="verdict ${kind}" aria-labelledby="verdict"><h2 id="verdict">${headline}</h2>${
    causes.length > 0
      ? html`<p>What may be behind it, the likeliest first:</p><ul>${causes.map((cause) => html`<li>${cause}</li>`)}</ul>`
      : undefined
  }<p class="quiet">It rests on: ${numbers.join(" · ")}</p></section>`;
}

export function figuresSection(summary: RunSummary, run: RunFile, events: readonly RunEvent[]): Html {
  const planned = run.derived["steps"];
  const summaries = probeSummaries(events);
  const scored = scoresOfRun(events).at(-1);
  const latest = inProbeOrder(summaries.map(({ name }) => name)).slice(0, 4);
  const all: (readonly [string, string | undefined])[] = [
    ["steps", `${whole(summary.steps)}${planned === undefined ? "" : ` of ${whole(planned)}`}`],
    ["loss, smoothed", shown(summary.smoothedLoss, figure)],
    ["loss, held out", shown(summary.heldOutLoss, figure)],
    ["accuracy, held out", scored && scoresText(scored)],
    ["classes", scored && neverRightText(scored)],
    ...latest.map((name): readonly [string, string] => {
      const probe = summaries.find((one) => one.name === name) as ProbeSummary;
      const { label, text } = probeWords(name, probe.last, probeNeighbours(run));
      return [probe.step === 0 ? `${spoken(label)}, before training` : spoken(label), accuracyText(text, probe)];
    }),
    ["pictures a second", shown(summary.recentImagesPerSecond, (value) => figure(Number(value.toPrecision(3))))],
    ["waiting for data", shown(summary.waitShare, percent)],
    ["training time", duration(summary.trainingSeconds)],
  ];
  const some = all.filter((entry): entry is readonly [string, string] => entry[1] !== undefined);
  return html`<dl class="figures">${some.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param svg as the plotting library wrote it */
export function curvesSection(svg: string | undefined): Html | undefined {
  if (svg === undefined) return undefined;
  return html`<section aria-labelledby="curves"><h2 id="curves">Curves</h2><div class="curves scroll" tabindex="0" role="region" aria-label="Curves over the steps of the run">${new Html(svg)}</div></section>`;
}

export function picturesSection(frames: readonly Frame[]): Html | undefined {
  if (frames.length === 0) return undefined;
  const last = frames.length - 1;
  return html`<section aria-labelledby="pictures"><h2 id="pictures">Pictures over time</h2>
<div class="slider" hidden><label for="frame">Time</label><input id="frame" type="range" min="0" max="${last}" step="1" value="${last}"><output for="frame"></output></div>
<div class="frames">${frames.map(
    ({ step, note, source, width, height }) =>
      html`<figure data-when="step ${whole(step)}"><img src="${source}" width="${width}" height="${height}" alt="Original, masked and rebuilt pictures at step ${whole(step)}"><figcaption>${note}</figcaption></figure>`,
  )}</div></section>`;
}

/** Values of step 0 stand in their own column, for they are no result of the run. */
export function probesSection(events: readonly RunEvent[], run: RunFile): Html | undefined {
  const rows = probeSummaries(events);
  const k = probeNeighbours(run);
  const text = (name: string, value: number | undefined): string =>
    value === undefined ? "" : probeWords(name, value, k).text;
  if (rows.length === 0) return undefined;
  const gains = gainsText(rows, k);
  return html`<section aria-labelledby="probes"><h2 id="probes">Probes of the features</h2><div class="scroll" tabindex="0" role="region" aria-label="Probes"><table><thead><tr><th scope="col">probe</th><th scope="col" class="number">before training</th><th scope="col" class="number">highest</th><th scope="col" class="number">last</th><th scope="col" class="number">at step</th></tr></thead><tbody>${rows.map(
    (probe) => {
      const { name, before, best, last, step } = probe;
      return html`<tr><th scope="row">${spoken(probeWords(name, last, k).label)}</th><td class="number">${text(name, before)}</td><td class="number">${text(name, best)}</td><td class="number">${step === 0 ? "" : accuracyText(text(name, last), probe)}</td><td class="number">${step === 0 ? "" : whole(step)}</td></tr>`;
    },
  )}</tbody></table></div>${gains === undefined ? undefined : html`<p>Since before training: ${gains}.</p>`}${
    rows.some(({ interval }) => interval !== undefined)
      ? html`<p class="quiet">In brackets: 95 % intervals by the judged pictures. Per class: mean over the classes.</p>`
      : undefined
  }</section>`;
}

/** Of a supervised run: its classifier beside k-NN and the exact probe of the encoder that it began with. */
export function frozenSection(events: readonly RunEvent[]): Html | undefined {
  const rows = frozenAccuracies(events);
  if (rows.length === 0) return undefined;
  const paired = rows.every(({ isPaired }) => isPaired);
  return html`<section aria-labelledby="frozen"><h2 id="frozen">Beside its frozen encoder</h2><div class="scroll" tabindex="0" role="region" aria-label="Beside its frozen encoder"><table><thead><tr><th scope="col">frozen features</th><th scope="col" class="number">top-1</th><th scope="col" class="number">per class</th><th scope="col" class="number">the classifier is</th></tr></thead><tbody>${frozenRows(
    rows,
  ).map(
    ([name, accuracy, perClass, gain]) =>
      html`<tr><th scope="row">${name}</th><td class="number">${accuracy}</td><td class="number">${perClass}</td><td class="number">${gain}</td></tr>`,
  )}</tbody></table></div><p class="quiet">Measured before the first step, on the same split. In brackets: 95 % intervals${paired ? ", of the differences by the same pictures" : ""}.</p></section>`;
}

export interface CostFacts {
  /** Of the whole run, as far as it is known: name and value, planned and so far. */
  readonly rows: readonly (readonly [string, string, string])[];
}

export function costSection({ rows }: CostFacts): Html {
  return html`<section aria-labelledby="cost"><h2 id="cost">Cost against plan</h2><table><thead><tr><td></td><th scope="col" class="number">planned</th><th scope="col" class="number">so far</th></tr></thead><tbody>${rows.map(
    ([name, planned, actual]) =>
      html`<tr><th scope="row">${name}</th><td class="number">${planned}</td><td class="number">${actual}</td></tr>`,
  )}</tbody></table></section>`;
}

export function settingsSection(run: RunFile): Html {
  return html`<section class="long" aria-labelledby="settings"><h2 id="settings">Configuration</h2><p class="quiet">Every option as it was used. <code>${run.command}</code></p><dl class="settings">${flattened(
    run.config,
  ).map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl><details><summary>As JSON, to use again</summary><pre>${JSON.stringify(run.config, null, 2)}</pre></details></section>`;
}

export function environmentSection(run: RunFile, state: string): Html {
  const { machine, versions, data, commit } = run;
  return html`<section aria-labelledby="environment"><h2 id="environment">Environment</h2>${table([
    ["begun", run.createdAt.replace("T", " ").replace(/\.\d+Z$/, " UTC")],
    ["state", state],
    ["processor", `${machine.cpu}, ${machine.cores} cores`],
    ["computed on", `${machine.device}, ${machine.threads} threads, ${machine.precision}`],
    ["memory", `${(machine.memoryBytes / 2 ** 30).toFixed(1)} GiB`],
    ["versions", `Lacuna ${versions.lacuna}, Node ${versions.node}, libtorch ${versions.libtorch}`],
    ["commit", commit ?? "none"],
    ["pictures", `${whole(data.size)}, fingerprint ${data.fingerprint}`],
  ])}</section>`;
}

/** Files that could not be used, and warnings. */
export function troubleSection(events: readonly RunEvent[]): Html {
  const bad = badPictures(events);
  const warnings = events.filter((event) => event.type === "warning");
  if (bad.length + warnings.length === 0) {
    return html`<section aria-labelledby="trouble"><h2 id="trouble">Files and warnings</h2><p>Every picture could be read, and nothing was warned of.</p></section>`;
  }
  const more = (count: number): Html | undefined =>
    count > mostRows ? html`<p class="quiet">and ${whole(count - mostRows)} more</p>` : undefined;
  return html`<section class="long" aria-labelledby="trouble"><h2 id="trouble">Files and warnings</h2>${
    bad.length > 0
      ? html`<h3>${whole(bad.length)} pictures could not be used</h3>${table(bad.slice(0, mostRows).map(({ path, code, reason }): Row => [path, `${code}: ${reason}`]))}${more(bad.length)}`
      : undefined
  }${
    warnings.length > 0
      ? html`<h3>Warnings</h3>${table(warnings.slice(0, mostRows).map(({ step, message }): Row => [`step ${whole(step)}`, message]))}${more(warnings.length)}`
      : undefined
  }</section>`;
}

function table(rows: readonly Row[]): Html {
  return html`<table><tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table>`;
}

/** `featureRank` -> `feature rank` */
function spoken(name: string): string {
  return name.replaceAll(/([a-z])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`);
}

function shown(value: number | undefined, show: (value: number) => string): string | undefined {
  return value === undefined ? undefined : show(value);
}
