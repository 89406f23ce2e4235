/** Runs a sweep in front of a person: a table of its points, and a live line. */
import type {
  ResolvedSweep,
  Standing,
  SweepEvent,
  SweepOutcome,
  SweepPlan,
  SweepRunOptions,
} from "../../public/sweep.js";
import type { LiveTable, Report } from "../report.js";
import { paceText } from "../training/pace.js";
import { listenForSignals } from "../training/signals.js";
import { standingLine, standingLines } from "./lines.js";

export interface ShownSweep extends Omit<SweepOutcome, "isInterrupted"> {
  readonly exitCode: number;
  /** For people. */
  readonly table: readonly (readonly string[])[];
}

export async function showSweep(
  resolved: ResolvedSweep,
  plan: SweepPlan,
  report: Report,
  options: Omit<SweepRunOptions, "signal">,
): Promise<ShownSweep> {
  const { SweepRun, tableRows } = await import("../../public/sweep.js");
  using interruption = listenForSignals(() =>
    report.line("Stopping: the point under way saves itself at the end of this step. (Again to end at once.)"),
  );
  using sweep = await SweepRun.open(resolved, plan, { ...options, signal: interruption.signal });
  const live = await report.liveTable(standingLines(sweep.standing));
  try {
    const { isInterrupted, ...outcome } = await sweep.run((event) => show(event, sweep.standing, report, live));
    const exitCode = isInterrupted ? (interruption.exitCode ?? 0) : outcome.failed > 0 ? 1 : 0;
    return { ...outcome, exitCode, table: tableRows(outcome.summary) };
  } finally {
    live.stop();
  }
}

function show(event: SweepEvent, standing: Standing, report: Report, live: LiveTable): void {
  switch (event.type) {
    case "baseline":
      live.update(0, `judging ${event.name}`);
      break;
    case "point":
      live.show(standingLines(standing));
      break;
    case "judging":
      live.update(1, `${event.planned.point.id} · judging`);
      break;
    case "step": {
      const { planned, stage, pace } = event;
      const what = stage === "training" ? "" : `${stage} · `;
      live.update(pace.share, `${planned.point.id} · ${what}${paceText(pace)}`);
      break;
    }
    case "warning":
      report.line(`${event.planned.point.id}: warning: ${event.message}`);
      break;
    case "settled":
      if (!live.isRewritten) report.line(standingLine(standing, event.planned));
      break;
  }
}
