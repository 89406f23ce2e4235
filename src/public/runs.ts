/** `lacuna/runs`: run folders, their events and curves, and the verdict on a run. No libtorch is loaded. */
export { type JudgedRun, judgeRun } from "../inspect/judge.js";
export { drawCurves, type RecordedCurves, writeCurves } from "../runs/curves.js";
export { follow } from "../runs/follow.js";
export { type OpenedRun, openRun } from "../runs/reader.js";
export type { RunEvent, RunFile, StepEvent } from "../runs/schema.js";
export {
  badPictures,
  heldOutAccuracy,
  type RunAccuracy,
  type RunSummary,
  type Scored,
  scoresOfRun,
  summarize,
} from "../runs/summary.js";
export { Pace } from "../train/watch/pace.js";
