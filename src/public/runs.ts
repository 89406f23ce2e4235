/**
 * `lacuna/runs`: run folders, their events, curves and verdicts, and several of them compared. No libtorch is loaded.
 * @module lacuna/runs
 */
export { type ComparedRun, compareRuns, distinctNames, type RunComparison } from "../inspect/compare.js";
export { type JudgedRun, judgeRun } from "../inspect/judge.js";
export { drawOverlaid, type OverlaidRun } from "../inspect/overlay.js";
export { loadReferences, nearestReference } from "../inspect/reference.js";
export { differingSettings, flattened, type SettingDifference } from "../inspect/settings.js";
export { type Verdict, verdict } from "../inspect/verdict.js";
export { drawCurves, type RecordedCurves, writeCurves } from "../runs/curves/curves.js";
export { drawingStyle, pngOf, svgOf } from "../runs/drawing.js";
export { follow } from "../runs/follow.js";
export { type FrozenAccuracy, frozenAccuracies } from "../runs/frozen.js";
export { type OpenedRun, openRun, openRuns } from "../runs/reader.js";
export { runFoldersIn } from "../runs/run-file.js";
export type { RunEvent, RunFile, StepEvent } from "../runs/schema.js";
export {
  badPictures,
  type Gain,
  gainInterval,
  heldOutAccuracy,
  type Interval,
  imagesPerSecond,
  type ProbeSummary,
  pairedInterval,
  probeSummaries,
  type RunAccuracy,
  type RunSummary,
  type Scored,
  type Spread,
  scoresOfRun,
  spread,
  summarize,
  wilsonInterval,
} from "../runs/summary.js";
export { Pace } from "../train/watch/pace.js";
