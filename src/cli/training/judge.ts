/** A run beside its nearest recorded one: the verdict, in words, and the curves. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { OpenedRun, RecordedCurves, Verdict } from "../../index.js";
import type { Report } from "../report.js";
import { figure } from "../words.js";

export interface Judged {
  readonly opened: OpenedRun;
  readonly verdict: Verdict;
  readonly curves: { readonly svg: string; readonly png: string } | undefined;
  /** Why the curves could not be kept: where a run can only be read, its results are told all the same. */
  readonly unkept: string | undefined;
  /** The nearest recorded run's curves. */
  readonly recorded: RecordedCurves | undefined;
}

/** Reads a run folder, judges the run and draws its curves into the folder, where it has any. */
export async function judgeRun(folder: string): Promise<Judged> {
  const { isJpegName, loadReferences, nearestReference, openRun, verdict, writeCurves } = await import(
    "../../index.js"
  );
  const opened = openRun(folder);
  const { events, run, state } = opened;
  const references = loadReferences();
  const recorded = nearestReference(references, run)?.reference;
  const hasSteps = events.some(({ type }) => type === "step");
  const kept = hasSteps ? await ifKept("curves", () => writeCurves(opened, { recorded })) : {};
  return {
    opened,
    verdict: verdict(events, { ...run, state, hasJpegs: picturesOf(opened).some(isJpegName) }, references),
    curves: kept.value,
    unkept: kept.note,
    recorded,
  };
}

/** What `write` gives, or a line on why nothing could be kept. Other errors pass. */
export async function ifKept<T>(
  what: string,
  write: () => Promise<T>,
): Promise<{ readonly value?: T; readonly note?: string }> {
  const { FileError } = await import("../../index.js");
  try {
    return { value: await write() };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { note: `The ${what} could not be kept in ${dirname(error.path)}: ${error.actual}.` };
  }
}

/** The run's list of its pictures; nothing where there is none. */
function picturesOf({ folder, run }: OpenedRun): string[] {
  try {
    return readFileSync(join(folder, run.data.files ?? ""), "utf8").split("\n");
  } catch {
    return [];
  }
}

export function tellVerdict(report: Report, { headline, causes }: Verdict): void {
  report.line(headline);
  for (const cause of causes) report.line(`  - ${cause}`);
}

/** Rows of a table: each number beside that of the recorded runs. */
export function comparisonText({ comparison }: Verdict): { title: string; rows: string[][] } {
  if (comparison === undefined)
    return {
      title: "No recorded run is near: judged by the level of the mean and by the curve's shape alone.",
      rows: [],
    };
  const { name, nearness, differences, loss, slope, gradNorm, featureRank, knn } = comparison;
  const same = `Beside ${name}, recorded with the same configuration:`;
  const near = `Nearest recorded run: ${name} (${differences.join(", ")}); for orientation only:`;
  const share = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(1)} %`;
  const row = (what: string, value: number | undefined, words: (value: number) => string): string[][] =>
    value === undefined ? [] : [[what, words(value)]];
  return {
    title: nearness === "same" ? same : near,
    rows: [
      ...row("loss", loss, share),
      ...row("fall of the loss", slope, (value) => `${figure(value)} times`),
      ...row("gradient norm", gradNorm, share),
      ...row("feature rank", featureRank, share),
      ...row("k-NN", knn, (value) => `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(1)} points`),
    ],
  };
}
