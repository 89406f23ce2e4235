/** A run folder beside its nearest recorded run: the verdict, and the curves. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isJpegName } from "../data/sources/names.js";
import { type RecordedCurves, writeCurves } from "../runs/curves/curves.js";
import { FileError } from "../runs/errors.js";
import { type OpenedRun, openRun } from "../runs/reader.js";
import { loadReferences, nearestReference } from "./reference.js";
import { type Verdict, verdict } from "./verdict.js";

/** A run with its verdict and its curves. */
export interface JudgedRun {
  readonly opened: OpenedRun;
  readonly verdict: Verdict;
  /** Files in the run's folder; undefined where the run has no step, or nothing can be written. */
  readonly curves: { readonly svg: string; readonly png: string } | undefined;
  /** Why the curves could not be kept: a run that can only be read is judged all the same. */
  readonly unkept: FileError | undefined;
  /** The nearest recorded run's curves. */
  readonly recorded: RecordedCurves | undefined;
}

/**
 * Reads a run, finished or under way, judges it and draws its curves into its folder. No libtorch is loaded.
 * @throws RunError as `openRun` does
 */
export async function judgeRun(folder: string): Promise<JudgedRun> {
  const opened = openRun(folder);
  const { events, run, state } = opened;
  const references = loadReferences();
  const recorded = nearestReference(references, run)?.reference;
  const hasSteps = events.some(({ type }) => type === "step");
  const kept = hasSteps ? await writeCurves(opened, { recorded }).catch(unwritable) : undefined;
  const isKept = kept !== undefined && !(kept instanceof FileError);
  return {
    opened,
    verdict: verdict(events, { ...run, state, hasJpegs: picturesOf(opened).some(isJpegName) }, references),
    curves: isKept ? kept : undefined,
    unkept: kept instanceof FileError ? kept : undefined,
    recorded,
  };
}

/** Other errors pass. */
function unwritable(error: unknown): FileError {
  if (error instanceof FileError) return error;
  throw error;
}

/** The run's list of its pictures; nothing where there is none. */
function picturesOf({ folder, run }: OpenedRun): string[] {
  try {
    return readFileSync(join(folder, run.data.files ?? ""), "utf8").split("\n");
  } catch {
    return [];
  }
}
