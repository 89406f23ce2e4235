/** A sweep's table: Markdown for people, CSV for spreadsheets, JSON for programs. */

import type { Spread } from "../runs/summary.js";
import type { MeasureName } from "./define.js";
import type { Agreement, SweepRow, SweepSummary } from "./summary.js";

const titles: Record<MeasureName, string> = { knn: "k-NN", linear: "linear probe", finetune: "fine-tuning" };

/** `53.1`, over seeds `53.1 ± 0.4`. */
function spreadText({ mean, deviation }: Spread, digits: number): string {
  return deviation === undefined ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}`;
}

/** Title of a measure in tables and plots. */
export function measureTitle(measure: MeasureName): string {
  return titles[measure];
}

/** What stands in an axis's column. */
export function valueText(value: unknown): string {
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
}

interface Column {
  readonly title: string;
  readonly numeric: boolean;
  cell(row: SweepRow): string;
}

function columnsOf(summary: SweepSummary): Column[] {
  const { rows, measures, reference } = summary;
  const has = (some: (row: SweepRow) => unknown): boolean => rows.some((row) => some(row) !== undefined);
  const optional = (is: boolean, column: Column): Column[] => (is ? [column] : []);
  const number = (title: string, cell: Column["cell"]): Column => ({ title, numeric: true, cell });
  const text = (value: Spread | undefined, digits: number): string =>
    value === undefined ? "" : spreadText(value, digits);
  const paper = Object.keys(reference?.measures ?? {}) as MeasureName[];
  return [
    ...optional(
      has(({ name }) => name),
      { title: "point", numeric: false, cell: ({ name }) => name ?? "" },
    ),
    ...axisColumns(summary),
    ...optional(
      rows.some(({ seeds }) => seeds > 1),
      number("seeds", ({ finished, seeds }) => (finished === seeds ? `${seeds}` : `${finished} of ${seeds}`)),
    ),
    ...measures.flatMap((name) => [
      number(`${titles[name]} %`, (row) => text(row.measures[name], 1)),
      ...optional(
        has(({ intervals }) => intervals[name]),
        number(`${titles[name]}, 95 %`, ({ intervals }) =>
          (intervals[name] ?? []).map((end) => end.toFixed(1)).join("–"),
        ),
      ),
      ...optional(
        has(({ perClass }) => perClass[name]),
        number(`${titles[name]}, per class %`, (row) => text(row.perClass[name], 1)),
      ),
    ]),
    ...optional(
      has(({ heldOutLoss }) => heldOutLoss),
      number("held-out loss", ({ heldOutLoss }) => text(heldOutLoss, 4)),
    ),
    ...verdictColumn(rows),
    number("loss", ({ loss }) => text(loss, 4)),
    ...optional(
      has(({ imagesPerSecond }) => imagesPerSecond),
      number("images/s", ({ imagesPerSecond }) => imagesPerSecond?.toFixed(0) ?? ""),
    ),
    ...optional(
      has(({ memory }) => memory),
      number("memory, GB", ({ memory }) => (memory === undefined ? "" : (memory / 1e9).toFixed(2))),
    ),
    number("training, minutes", ({ seconds }) => (seconds === undefined ? "" : (seconds / 60).toFixed(1))),
    ...paper.map((name) => number(`paper: ${titles[name]} %`, (row) => row.paper[name]?.toFixed(1) ?? "")),
  ];
}

/** Verdicts that tell nothing: runs too short to be judged are what a quick look at a large sweep is made of. */
const unremarkable: readonly string[] = ["normal", "too-early"];

/** Nothing where all is well. */
function verdictColumn(rows: readonly SweepRow[]): Column[] {
  if (rows.every(({ verdicts }) => verdicts.every((one) => unremarkable.includes(one)))) return [];
  return [{ title: "verdict", numeric: false, cell: ({ verdicts }) => verdicts.join(", ") }];
}

function axisColumns({ rows, axis, otherAxes, names }: SweepSummary): Column[] {
  const keys = [...new Set([...(axis === undefined ? [] : [axis]), ...otherAxes])];
  return keys.map((key) => ({
    title: names[key] ?? key,
    numeric: rows.every(({ at }) => typeof at[key] === "number"),
    cell: ({ at }) => valueText(at[key]),
  }));
}

/** Header and rows of plain cells: what CSV and a terminal show. */
export function tableRows(summary: SweepSummary): string[][] {
  const columns = columnsOf(summary);
  return [columns.map(({ title }) => title), ...summary.rows.map((row) => columns.map(({ cell }) => cell(row)))];
}

/** RFC 4180; means only, with the deviation over seeds in a column of its own. */
export function csvText(summary: SweepSummary): string {
  const [header = [], ...rows] = tableRows(summary);
  const quoted = (cell: string): string => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const isSpread = header.map((_, i) => rows.some((cells) => cells[i]?.includes(" ± ")));
  const split = (cells: readonly string[], second: (i: number) => string): string =>
    cells
      .flatMap((cell, i) => (isSpread[i] === true ? [cell.split(" ± ")[0] ?? "", second(i)] : [cell]))
      .map(quoted)
      .join(",");
  const lines = rows.map((cells) => split(cells, (i) => cells[i]?.split(" ± ")[1] ?? ""));
  return `${[split(header, (i) => `${header[i]}, deviation`), ...lines].join("\n")}\n`;
}

/** A section with the table, what it is beside, and how both compare. */
export function markdownText(summary: SweepSummary): string {
  const { title, reference, baselines, measures, agreement } = summary;
  const columns = columnsOf(summary);
  const [header = [], ...rows] = tableRows(summary);
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = `|${columns.map(({ numeric }) => (numeric ? " --: " : " --- ")).join("|")}|`;
  const accuracies = baselines.map(({ name, accuracies: found }) => {
    const texts = measures.flatMap((measure) =>
      found[measure] === undefined ? [] : [`${titles[measure]} ${(100 * found[measure]).toFixed(1)} %`],
    );
    return `${name} ${texts.join(", ")}`;
  });
  const notes = [
    ...(rows.some((cells) => cells.some((cell) => cell.includes("±")))
      ? ["Mean ± sample standard deviation over seeds."]
      : []),
    ...(summary.rows.some(({ intervals }) => Object.keys(intervals).length > 0)
      ? ["95 %: Wilson's interval by the judged pictures; places whose intervals overlap may differ by chance."]
      : []),
    ...(accuracies.length > 0 ? [`For comparison: ${accuracies.join("; ")}.`] : []),
    ...(reference === undefined ? [] : [`Paper: ${reference.source} (${reference.setting}).`]),
    ...Object.values(reference?.measures ?? {}).flatMap((series) =>
      series?.note === undefined ? [] : [`${series.label}: ${series.note}.`],
    ),
    ...agreement.map(agreementText),
  ];
  return `# ${title}\n\n${[line(header), rule, ...rows.map(line)].join("\n")}\n${notes.map((note) => `\n${note}\n`).join("")}`;
}

function agreementText({ measure, places, bestOurs, bestPaper, rankCorrelation }: Agreement): string {
  const order =
    rankCorrelation === undefined ? "" : `; rank correlation over ${places} places ${rankCorrelation.toFixed(2)}`;
  return `${titles[measure][0]?.toUpperCase()}${titles[measure].slice(1)}: best at ${valueText(bestOurs)} here, at ${valueText(bestPaper)} in the paper${order}.`;
}
