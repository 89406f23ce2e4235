import type { Command } from "commander";
import type { Evaluate, ResolvedSweep, SweepPlan } from "../../public/sweep.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { type LoadedSweep, loadSweep } from "../sweep/load.js";
import { type ShownSweep, showSweep } from "../sweep/show.js";
import { duration, quoted, scaled, whole } from "../words.js";
import { typedCommand } from "./pretrain.js";

export interface SweepOptions {
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly retry?: boolean;
  readonly pictures?: number;
}

const details = `
A sweep file is TypeScript (export default defineSweep({ … })) or JSON: a base configuration, axes or named points, how each
is judged, and a paper's numbers to stand beside. Every point is checked before the first is trained.

Points run in this order: the first seed of all before the second; the ends of an axis before its middle, then the middles
between; among equals the cheapest first. Run the same command again to go on after Ctrl-C, a crash or kill -9: a point
under way goes on exactly, and nothing that is finished is done again.

Examples:
  lacuna sweep recipes/sweeps/mae-mask-ratio-cifar10.ts --dry-run
  lacuna sweep recipes/sweeps/mae-mask-ratio-cifar10.ts --epochs=2 --out runs/quick`;

/** `lacuna sweep <file> [--key=value …]` */
export function sweepCommand(program: Command, add: Add): void {
  const command = program
    .command("sweep")
    .summary("train and judge a grid of configurations, beside a paper's numbers")
    .description(
      "Trains every configuration that a file describes, judges each, and writes one table and plots beside the paper's numbers.",
    )
    .usage("<sweep file> [options] [--path.to.key=value …]")
    .argument("[what...]", "a sweep file (.ts, .json)")
    .option("--out <folder>", "the sweep's folder (default: runs/<name of the file>)")
    .option("--dry-run", "show the points, their order and cost; train nothing")
    .option("--retry", "train points again whose training failed")
    .option("--pictures <n>", "how many pictures there are, where they are not here; with --dry-run", wholeNumber)
    .allowUnknownOption()
    .addHelpText("after", details);
  add<SweepOptions>(command, async (report, operands, options) => {
    const own = ["out", "dry-run", "retry", "pictures", "json"];
    const resolved = await loadSweep(operands as string[], own);
    return sweepAll(report, resolved, options);
  });
}

/** Runs a sweep, or with `--dry-run` shows what it would run. @returns the exit code */
export async function sweepAll(report: Report, resolved: LoadedSweep, options: SweepOptions): Promise<number> {
  const { planSweep, timesOf } = await import("../../public/sweep.js");
  const plan = await planSweep(resolved, options.pictures);
  if (options.dryRun === true) {
    const times = timesOf(plan, (line) => report.line(line));
    tellPlan(report, resolved, plan, times);
    return 0;
  }
  if (plan.failure !== undefined) throw plan.failure;
  const folder = options.out ?? `runs/${resolved.name}`;
  report.line(`${resolved.sweep.title}: ${whole(plan.points.length)} points in ${folder}`);
  report.line(await judgedText(resolved.sweep.evaluate));
  const outcome = await showSweep(resolved, plan, report, {
    out: folder,
    command: typedCommand(),
    retry: options.retry === true,
  });
  report.result(outcome, () => tellOutcome(report, outcome));
  return outcome.exitCode;
}

/** By which pictures points are judged, and of which classes. */
async function judgedText({ test, limit }: Evaluate): Promise<string> {
  const { openSource } = await import("../../index.js");
  const { classesText } = await import("../../public/data.js");
  const { size, classes = [] } = await openSource(test);
  return `judged by ${whole(Math.min(size, limit))} pictures of ${classesText(classes)}`;
}

function tellPlan(
  report: Report,
  { sweep }: ResolvedSweep,
  { points, failure }: SweepPlan,
  times: ReadonlyMap<string, number | undefined>,
): void {
  const note = failure === undefined ? undefined : String(failure);
  const total = points.reduce((sum, { cost }) => sum + cost, 0);
  const seconds = [...times.values()].reduce<number>((sum, time) => sum + (time ?? Number.NaN), 0);
  const listed = points.map(({ point, cost, steps }) => {
    return { id: point.id, at: point.at, cost, steps, seconds: times.get(point.id) };
  });
  const time = (value = Number.NaN): string => (Number.isNaN(value) ? "" : duration(value));
  report.result({ title: sweep.title, points: listed, cost: total, seconds, note }, () => {
    report.line(sweep.title);
    report.table([
      ["", "point", "steps", "multiply-adds", "share", "time here"],
      ...points.map(({ point, cost, steps }, i) => [
        `${i + 1}`,
        point.id,
        steps === undefined ? "" : whole(steps),
        scaled(cost),
        `${((100 * cost) / total).toFixed(1)} %`,
        time(times.get(point.id)),
      ]),
      ["", "all", "", scaled(total), "", time(seconds)],
    ]);
    report.line();
    if (note !== undefined) report.line(`Costs are for each picture of the set: ${note} Or say --pictures <n>.`);
    else report.line("Training alone, backward counted as twice forward; reading pictures and judging come on top.");
  });
}

function tellOutcome(report: Report, outcome: ShownSweep): void {
  const { summary, finished, failed, waiting, seconds, files, exitCode } = outcome;
  report.line();
  report.table(outcome.table);
  report.line();
  report.line(
    `${finished} of ${finished + failed + waiting} points finished${failed > 0 ? `, ${failed} failed (--retry trains them again)` : ""}, in ${duration(seconds)}.`,
  );
  if (summary.reference !== undefined) report.line(`Paper: ${summary.reference.source}, ${summary.reference.setting}.`);
  report.line(`Written: ${files.map(quoted).join(", ")}`);
  if (exitCode === 130 || exitCode === 143) report.line("Saved. Go on with the same command.");
}
