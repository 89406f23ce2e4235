/** Several runs beside one another: in which settings they differ, and what came of each. */
import { resolve, sep } from "node:path";
import type { OpenedRun } from "../runs/reader.js";
import { type ProbeSummary, probeSummaries, type RunSummary, scoresOfRun, summarize } from "../runs/summary.js";
import type { Reference } from "./reference.js";
import { differingSettings, type SettingDifference } from "./settings.js";
import { type Verdict, verdict } from "./verdict.js";

/** What came of one of the runs. */
export interface ComparedRun {
  /** As much of the folder's path as tells it from the others. */
  readonly name: string;
  readonly folder: string;
  readonly id: string;
  readonly state: OpenedRun["state"];
  readonly summary: RunSummary;
  readonly probes: readonly ProbeSummary[];
  /** The last scores on held-out pictures, 0 to 1: top1, top5, meanPerClass. */
  readonly scores: Readonly<Record<string, number>>;
  readonly verdict: Verdict;
}

/** Several runs side by side, and the settings in which they differ. */
export interface RunComparison {
  readonly runs: readonly ComparedRun[];
  /** Only the settings that differ. */
  readonly settings: readonly SettingDifference[];
  /** False where a setting of the method differs: then the losses may be of different tasks, and the features alone tell. */
  readonly isSameTask: boolean;
}

/** Compares runs, finished or under way. @param references recorded runs, of which the verdicts take the nearest */
export function compareRuns(opened: readonly OpenedRun[], references?: readonly Reference[]): RunComparison {
  const names = distinctNames(opened.map(({ folder }) => folder));
  const settings = differingSettings(opened.map(({ run }) => run.config));
  return {
    runs: opened.map(({ folder, run, events, state }, i) => ({
      name: names[i] as string,
      folder,
      id: run.id,
      state,
      summary: summarize(events),
      probes: probeSummaries(events),
      scores: scoresOfRun(events).at(-1)?.scores ?? {},
      verdict: verdict(events, { ...run, state }, references),
    })),
    settings,
    isSameTask: !settings.some(({ name }) => name === "task" || name.startsWith("method.")),
  };
}

/** The last parts of each path, as many for all as make every name another one. */
export function distinctNames(folders: readonly string[]): string[] {
  const parts = folders.map((folder) => resolve(folder).split(sep));
  const longest = Math.max(1, ...parts.map(({ length }) => length));
  for (let count = 1; count < longest; count++) {
    const names = parts.map((all) => all.slice(-count).join("/"));
    if (new Set(names).size === names.length) return names;
  }
  return [...folders];
}
