/**
 * `lacuna/sweep`: grids of configurations: points, their order, the folder, tables and plots.
 * @module lacuna/sweep
 */
export {
  defineSweep,
  type Evaluate,
  type MeasureName,
  type Reference,
  type Sweep,
  type SweepInput,
  sweepSchema,
} from "../sweep/define.js";
export { type Measurement, type PointResults, type PointState, readPoint, SweepFolder } from "../sweep/folder.js";
export { finetuningConfig } from "../sweep/judge.js";
export { defineLeague, type League, type LeagueInput, leagueIn, leagueSchema, leagueSweep } from "../sweep/league.js";
export { inOrder } from "../sweep/order.js";
export { layersOf, type PartialBlocks, usualBlocks } from "../sweep/partial/blocks.js";
export { bestRows, type PartialPoint, type PartialRow } from "../sweep/partial/rows.js";
export { type PartialEvent, type PartialOptions, type PartialOutcome, runPartial } from "../sweep/partial/run.js";
export { type PlannedPoint, planSweep, type SweepPlan, timesOf } from "../sweep/plan.js";
export { writePlots } from "../sweep/plots/accuracies.js";
export { expand as expandSweep, type SweepPoint } from "../sweep/points.js";
export { type ResolvedPoint, type ResolvedSweep, resolvePoints, resolveSweep } from "../sweep/resolve.js";
export { runSweep, type SweepEvent, type SweepOutcome, SweepRun, type SweepRunOptions } from "../sweep/run.js";
export type { Standing } from "../sweep/standing.js";
export {
  type BaselineRow,
  measuresOf,
  type PointResult,
  type PointStatus,
  type SweepSummary,
  summarizeSweep,
} from "../sweep/summary.js";
export { csvText, markdownText, tableRows } from "../sweep/table.js";
