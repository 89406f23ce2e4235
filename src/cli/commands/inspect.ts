import type { Command } from "commander";
import type { RunEvent, RunSummary } from "../../index.js";
import type { Add } from "../options.js";
import { comparisonText, type Judged, judgeRun, tellVerdict } from "../training/judge.js";
import { probeText } from "../training/probes.js";
import { duration, figure, percent, whole } from "../words.js";

interface Options {
  readonly html?: string;
}

/** `lacuna inspect <run>`; needs no libtorch, and no run that has ended. */
export function inspectCommand(program: Command, add: Add): void {
  const command = program
    .command("inspect")
    .summary("how a run goes or went: verdict, numbers, curves")
    .description(
      "Judges a run, also one that is under way or was killed, beside the nearest recorded one; draws curves into its folder.",
    )
    .argument("<run>", "the run folder")
    .option("--html <file>", "also write all of it as one HTML file: curves, pictures, configuration, environment");
  add<Options>(command, async (report, operands, options) => {
    const folder = operands[0] as string;
    const { summarize } = await import("../../index.js");
    const judgement = await judgeRun(folder);
    const { opened, verdict: judged, curves, unkept } = judgement;
    const summary = summarize(opened.events);
    if (options.html !== undefined) await writeReport(options.html, judgement);
    const { run, state } = opened;
    report.result({ folder, id: run.id, state, summary, verdict: judged, curves, run, html: options.html }, () => {
      report.table([
        ["run", `${folder} (${run.id})`],
        ["command", run.command],
        ["state", state === "killed" ? `killed: go on with lacuna resume ${folder}` : state],
        [
          "machine",
          `${run.machine.cpu}, ${run.machine.threads} threads, ${run.machine.device}, ${run.machine.precision}`,
        ],
        ...rows(summary, run.derived["steps"]),
        ...probeRow(opened.events, (run.config["log"] as { probe?: { k?: number } } | undefined)?.probe?.k),
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
      if (unkept !== undefined) report.line(unkept);
      if (options.html !== undefined) report.line(`Report: ${options.html}`);
    });
    return 0;
  });
}

async function writeReport(path: string, { opened, verdict, recorded }: Judged): Promise<void> {
  const { writeAtomic } = await import("../../index.js");
  const { runReport } = await import("../html/report.js");
  writeAtomic(path, await runReport(opened, verdict, recorded));
}

/** The last probes, and those before training. */
function probeRow(events: readonly RunEvent[], k: number | undefined): string[][] {
  const at = events.findLast(({ type }) => type === "probe")?.step;
  if (at === undefined) return [];
  const probes = events.filter((event) => event.type === "probe");
  const of = (step: number): string =>
    probeText(step, new Map(probes.flatMap((event) => (event.step === step ? [[event.name, event.value]] : []))), k);
  const last = of(at).replace("features ", "");
  const hasFirst = at !== 0 && probes.some(({ step }) => step === 0);
  return [["features", hasFirst ? `${last}; ${of(0).replace("features ", "")}` : last]];
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
