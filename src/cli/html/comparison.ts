/** Several runs as one HTML file: what came of each, in what they differ, and their curves laid over one another. */
import type { OverlaidRun, RunComparison } from "../../public/runs.js";
import {
  featureRows,
  featuresTitle,
  type Rows,
  resultRows,
  settingRows,
  settingsTitle,
  taskNote,
} from "../training/comparison.js";
import { whole } from "../words.js";
import { chartSection, comparisonPanels } from "./chart.js";
import { htmlFile } from "./file.js";
import { type Html, html } from "./html.js";
import { curvesSection } from "./sections.js";

/** @param svg as `drawOverlaid` gives it @param logged the runs that it shows @returns the text of the file */
export async function comparisonReport(
  comparison: RunComparison,
  svg: string | undefined,
  logged: readonly OverlaidRun[],
): Promise<string> {
  const { lacunaVersion } = await import("../../public/train.js");
  const { runs, settings } = comparison;
  const note = taskNote(comparison);
  const features = featureRows(runs);
  return htmlFile({
    title: `${whole(runs.length)} runs`,
    facts: runs.map(({ name, state }) => `${name}: ${state}`).join("; "),
    sections: [
      section(
        "results",
        "Results",
        grid(resultRows(runs)),
        note === undefined ? undefined : html`<p class="quiet">${note}</p>`,
      ),
      features.length === 0 ? undefined : section("features", featuresTitle(runs), grid(features)),
      curvesSection(svg),
      chartSection(comparisonPanels(logged)),
      section(
        "settings",
        "Configurations",
        html`<p class="quiet">${settingsTitle(comparison)}</p>`,
        settings.length === 0 ? undefined : grid(settingRows(comparison)),
      ),
      section(
        "verdicts",
        "Verdicts",
        html`<dl>${runs.map(({ name, verdict }) => html`<dt>${name}</dt><dd>${verdict.headline}</dd>`)}</dl>`,
      ),
    ],
    footer: `Written by Lacuna ${lacunaVersion()} from the runs' own events.`,
  });
}

function section(id: string, title: string, ...parts: readonly (Html | undefined)[]): Html {
  return html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${parts}</section>`;
}

function grid([titles = [], ...rows]: Rows): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${titles.join(", ")}"><table class="grid"><thead><tr>${titles.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead><tbody>${rows.map(
    ([name, ...cells]) => html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`,
  )}</tbody></table></div>`;
}
