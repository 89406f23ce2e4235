import { resolve } from "node:path";
import type { Command } from "commander";
import type { OpenedRun, RunEvent, RunSummary } from "../../index.js";
import type { FrozenAccuracy, JudgedRun, ProbeSummary, RunComparison } from "../../public/runs.js";
import { UsageError } from "../errors.js";
import { type Add, checkOut } from "../options.js";
import { type Report, tableLines } from "../report.js";
import { frozenRows, neverRightText, scoresText } from "../training/accuracy.js";
import {
  featureRows,
  featuresTitle,
  numbered,
  type Rows,
  resultRows,
  settingGroups,
  settingRows,
  settingsTitle,
  tail,
  taskNote,
} from "../training/comparison.js";
import { gainsText, probeNeighbours, probeText } from "../training/probes.js";
import { comparisonText, tellVerdict, unkeptText } from "../training/verdict.js";
import { duration, figure, percent, whole } from "../words.js";

interface Options {
  readonly html?: string;
  readonly curves?: string;
}

/** `lacuna inspect <runs>`; needs no libtorch, and no run that has ended. */
export function inspectCommand(program: Command, add: Add): void {
  const command = program
    .command("inspect")
    .summary("how a run goes or went: verdict, numbers, curves; several runs beside one another")
    .description(
      "Judges a run, also one that is under way or was killed, beside the nearest recorded one; draws curves into its folder. " +
        "Of several runs it says in which settings they differ, and what came of each.",
    )
    .argument("<runs...>", "a run folder; or several, or a folder of runs, to compare them")
    .option("--html <file>", "also write all of it as one HTML file: curves, pictures, configuration, environment")
    .option("--curves <file>", "of several runs: draw their curves over one another (.svg, .png)");
  add<Options>(command, async (report, operands, options) => {
    const { runFoldersIn } = await import("../../public/runs.js");
    const ending =
      options.curves === undefined ? undefined : await checkOut(options.curves, "--curves", [".svg", ".png"]);
    const folders = [
      ...new Map((operands as string[]).flatMap(runFoldersIn).map((path) => [resolve(path), path])).values(),
    ];
    const [first, second] = folders as [string, ...string[]];
    if (second !== undefined) await inspectSeveral(report, folders, options, ending);
    else if (options.curves === undefined) await inspectOne(report, first, options);
    else {
      const remedy = "The curves of one run are drawn into its folder without it.";
      throw new UsageError({ code: "curves", path: "--curves", expected: "several runs", actual: "one", remedy });
    }
    return 0;
  });
}

async function inspectOne(report: Report, folder: string, options: Options): Promise<void> {
  const { frozenAccuracies, probeSummaries, scoresOfRun } = await import("../../public/runs.js");
  const { summarize } = await import("../../index.js");
  const { judgeRun } = await import("../../public/runs.js");
  const judgement = await judgeRun(folder);
  const { opened, verdict: judged, curves, unkept } = judgement;
  const summary = summarize(opened.events);
  const frozen = frozenAccuracies(opened.events);
  if (options.html !== undefined) await writeReport(options.html, judgement);
  const { run, state } = opened;
  report.result(
    { folder, id: run.id, state, summary, verdict: judged, frozen, curves, run, html: options.html },
    () => {
      report.table([
        ["run", `${folder} (${run.id})`],
        ["command", run.command],
        ["state", state === "killed" ? `killed: go on with lacuna resume ${folder}` : state],
        [
          "machine",
          `${run.machine.cpu}, ${run.machine.threads} threads, ${run.machine.device}, ${run.machine.precision}`,
        ],
        ...rows(summary, run.derived["steps"]),
        ...scoresOfRun(opened.events)
          .slice(-1)
          .map((scored) => ["accuracy", [scoresText(scored), neverRightText(scored) ?? []].flat().join("; ")]),
        ...frozenInspected(frozen),
        ...probeRows(probeSummaries, opened),
        ...damageRow(opened.damagedLines),
      ]);
      report.line();
      tellVerdict(report, judged);
      const { title, rows: beside } = comparisonText(judged);
      report.line(title);
      report.table(beside, 2);
      report.line(
        `Evidence: ${Object.entries(judged.evidence)
          .map(([name, value]) => `${name} ${figure(value)}`)
          .join(", ")}`,
      );
      if (curves !== undefined) report.line(`Curves: ${curves.png} (and .svg)`);
      if (unkept !== undefined) report.line(unkeptText("curves", unkept));
      if (options.html !== undefined) report.line(`Report: ${options.html}`);
    },
  );
}

async function inspectSeveral(
  report: Report,
  folders: readonly string[],
  { html, curves }: Options,
  ending: ".svg" | ".png" | undefined,
): Promise<void> {
  const { compareRuns, drawOverlaid, loadReferences, openRuns, pngOf } = await import("../../public/runs.js");
  const { writeAtomic } = await import("../../public/formats.js");
  const { opened, unread } = openRuns(folders);
  const comparison = compareRuns(opened, loadReferences());
  const overlaid = opened.map(({ events }, i) => ({ name: comparison.runs[i]?.name ?? "", events }));
  const svg = html === undefined && curves === undefined ? undefined : await drawOverlaid(overlaid);
  const drawn = svg === undefined ? undefined : curves;
  if (drawn !== undefined && svg !== undefined) writeAtomic(drawn, ending === ".png" ? await pngOf(svg) : svg);
  if (html !== undefined) {
    const { comparisonReport } = await import("../html/comparison.js");
    writeAtomic(html, await comparisonReport(comparison, svg, overlaid));
  }
  report.result({ ...comparison, unread, curves: drawn, html }, () => {
    tellComparison(report, comparison);
    for (const { folder, reason } of unread) report.line(`Left out: ${folder}: ${reason}`);
    if (curves !== undefined) report.line(drawn === undefined ? "No curves: no run has a step." : `Curves: ${drawn}`);
    if (html !== undefined) report.line(`Report: ${html}`);
  });
}

/** More runs are not put beside one another. */
const mostColumns = 3;
const longestName = 26;

function tellComparison(report: Report, comparison: RunComparison): void {
  const { runs } = comparison;
  const tables = { results: resultRows(runs), features: featureRows(runs), settings: settingRows(comparison) };
  const fits = (table: Rows): boolean =>
    tableLines(table, report.columns).every(({ length }) => length <= (report.columns ?? length));
  const isBeside = runs.length <= mostColumns && Object.values(tables).every(fits);
  const short = tables.results.map(([name = "", ...cells]) => [tail(name, longestName), ...cells]);
  report.table(isBeside ? tables.results : numbered(short), 0);
  const note = taskNote(comparison);
  if (note !== undefined) report.line(note);
  if (tables.features.length > 0) {
    report.line(`\n${featuresTitle(runs)}:`);
    report.table(isBeside ? tables.features : numbered(tables.features.map((row) => row.slice(1))), 0);
  }
  report.line(`\n${settingsTitle(comparison)}`);
  if (comparison.settings.length > 0) report.table(isBeside ? tables.settings : settingGroups(comparison), 0);
}

async function writeReport(path: string, { opened, verdict, recorded }: JudgedRun): Promise<void> {
  const { writeAtomic } = await import("../../public/formats.js");
  const { runReport } = await import("../html/report.js");
  writeAtomic(path, await runReport(opened, verdict, recorded));
}

/** The last probes, those before training, and what was gained. */
function probeRows(summaries: (events: readonly RunEvent[]) => ProbeSummary[], { events, run }: OpenedRun): string[][] {
  const steps = events.flatMap(({ type, step }) => (type === "probe" ? [step] : []));
  const k = probeNeighbours(run);
  const told = [...new Set([...steps.slice(-1), ...steps.filter((step) => step === 0)])].flatMap((at) => {
    const found = summaries(events.filter(({ step }) => step === at));
    return found.length === 0 ? [] : [probeText(at, found, k).replace("features ", "")];
  });
  const gains = gainsText(summaries(events), k);
  if (gains !== undefined) told.push(`since before training: ${gains}`);
  return told.map((text, i) => [i === 0 ? "features" : "", text]);
}

/** Its encoder before the first step, and how far the classifier is above it. */
function frozenInspected(accuracies: readonly FrozenAccuracy[]): string[][] {
  return frozenRows(accuracies).map(([name, accuracy, perClass, gain], i) => [
    i === 0 ? "frozen encoder" : "",
    `${name} ${accuracy}, per class ${perClass}${gain === "" ? "" : `; the classifier is ${gain}`}`,
  ]);
}

function damageRow(lines: readonly number[]): string[][] {
  if (lines.length === 0) return [];
  const named = `${lines.slice(0, 5).join(", ")}${lines.length > 5 ? ", …" : ""}`;
  return [["damaged", `${lines.length === 1 ? "line" : "lines"} ${named} of events.jsonl, left out here`]];
}

function rows(summary: RunSummary, planned: number | undefined): string[][] {
  const { steps, epoch, samples, firstLoss, smoothedLoss, heldOutLoss, recentImagesPerSecond, waitShare } = summary;
  const maybe = (name: string, value: number | undefined, show: (value: number) => string): string[][] =>
    value === undefined ? [] : [[name, show(value)]];
  const speed = (rate: number): string =>
    `${Math.round(rate)} images/s${waitShare === undefined ? "" : `, ${percent(waitShare)} of the time waiting for data`}`;
  return [
    ["steps", `${whole(steps)}${planned === undefined ? "" : ` of ${whole(planned)}`}, epoch ${epoch.toFixed(2)}`],
    ["pictures seen", whole(samples)],
    ...maybe("loss", smoothedLoss, (loss) => `${figure(loss)} (smoothed), first ${figure(firstLoss ?? Number.NaN)}`),
    ...maybe("held-out loss", heldOutLoss, figure),
    ...maybe("speed", recentImagesPerSecond, speed),
    [
      "training",
      `${duration(summary.trainingSeconds)}, begun ${summary.starts} time${summary.starts === 1 ? "" : "s"}`,
    ],
    ...(summary.badFiles > 0 ? [["bad pictures", whole(summary.badFiles)]] : []),
    ...(summary.warnings > 0 ? [["warnings", whole(summary.warnings)]] : []),
  ];
}
