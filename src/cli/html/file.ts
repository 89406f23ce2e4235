/** What every HTML file of ours has around its sections: it needs nothing else, and asks no server. */
import { chartScript, chartStyle } from "./chart-script.js";
import { Html, html } from "./html.js";
import { script, style } from "./style.js";

/** Nothing may come from elsewhere; the two hashes of style and script would change with every edit, so both are allowed inline. */
const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

export interface HtmlFile {
  readonly title: string;
  /** Below the title. */
  readonly facts: string;
  readonly sections: readonly (Html | undefined)[];
  readonly footer: string;
}

/** The text of the file. */
export function htmlFile({ title, facts, sections, footer }: HtmlFile): string {
  return `<!doctype html>\n${
    html`<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><link rel="icon" href="data:,"><title>${title} · Lacuna</title><style>${new Html(`${style}${chartStyle}`)}</style></head><body><main><h1>${title}</h1><p class="quiet">${facts}</p>${sections}<footer>${footer} It asks no other server.</footer></main><script>${new Html(`${script}${chartScript}`)}</script></body></html>`
      .text
  }\n`;
}
