/** `lacuna/runs`: run folders, their events and curves. No libtorch is loaded. */
export { drawCurves, type RecordedCurves, writeCurves } from "../runs/curves.js";
export { follow } from "../runs/follow.js";
export { type OpenedRun, openRun } from "../runs/reader.js";
export type { RunEvent, RunFile, StepEvent } from "../runs/schema.js";
export { badPictures, type RunSummary, summarize } from "../runs/summary.js";
