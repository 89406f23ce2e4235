/** A run as one HTML file that needs nothing else: it can be mailed, printed, and read in ten years. */
import { basename, resolve } from "node:path";
import type { OpenedRun, RunSummary, Verdict } from "../../index.js";
import type { RecordedCurves } from "../../public/runs.js";
import { duration, whole } from "../words.js";
import { chartSection, runPanels } from "./chart.js";
import { htmlFile } from "./file.js";
import type { Html } from "./html.js";
import { framesOf } from "./pictures.js";
import {
  type CostFacts,
  costSection,
  curvesSection,
  environmentSection,
  figuresSection,
  frozenSection,
  picturesSection,
  probesSection,
  settingsSection,
  troubleSection,
  verdictSection,
} from "./sections.js";

/** @param recorded drawn behind the curves @returns the text of the file */
export async function runReport(
  { folder, run, events, state }: OpenedRun,
  judgement: Verdict,
  recorded?: RecordedCurves,
): Promise<string> {
  const { summarize } = await import("../../index.js");
  const { plannedOn } = await import("../../public/plan.js");
  const summary = summarize(events);
  const name = basename(resolve(folder));
  const [svg, frames] = await Promise.all([curves({ run, events }, recorded), framesOf(folder, events)]);
  const sections: readonly (Html | undefined)[] = [
    verdictSection(judgement),
    figuresSection(summary, run, events),
    curvesSection(svg),
    chartSection(runPanels(events)),
    picturesSection(frames),
    frozenSection(events),
    probesSection(events, run),
    costSection(costFacts(summary, { ...run.derived, ...plannedOn(run) })),
    troubleSection(events),
    settingsSection(run),
    environmentSection(run, state),
  ];
  return htmlFile({
    title: name,
    facts: `${run.id}; ${state}, ${run.machine.device}, ${run.machine.precision}; ${whole(run.data.size)} pictures`,
    sections,
    footer: `Written by Lacuna ${run.versions.lacuna} from the run's own events.`,
  });
}

async function curves(
  { run, events }: Pick<OpenedRun, "run" | "events">,
  recorded: RecordedCurves | undefined,
): Promise<string | undefined> {
  if (!events.some(({ type }) => type === "step")) return undefined;
  const { drawCurves } = await import("../../public/runs.js");
  const baseline = run.derived["baseline"];
  const level = baseline === undefined ? {} : { baseline, answer: run.health?.trivialAnswer };
  return drawCurves(events, { title: "", recorded, ...level });
}

/** What run.json said before the first step, and what came of it. */
export function costFacts(summary: RunSummary, derived: Readonly<Record<string, number>>): CostFacts {
  const { steps, samples, epoch, trainingSeconds, recentImagesPerSecond } = summary;
  const planned = derived["steps"];
  const batch = derived["effectiveBatch"];
  const rest = planned === undefined || steps === 0 ? undefined : ((planned - steps) * trainingSeconds) / steps;
  const rows: (readonly [string, string, string])[] = [
    ["steps", planned === undefined ? "" : whole(planned), whole(steps)],
    ["pictures seen", planned === undefined || batch === undefined ? "" : whole(planned * batch), whole(samples)],
    [
      "epochs",
      derived["stepsPerEpoch"] === undefined || planned === undefined
        ? ""
        : (planned / derived["stepsPerEpoch"]).toFixed(1),
      epoch.toFixed(2),
    ],
    [
      "time of training",
      derived["seconds"] === undefined ? "" : duration(derived["seconds"]),
      duration(trainingSeconds),
    ],
    [
      "pictures a second",
      derived["imagesPerSecond"] === undefined ? "" : whole(derived["imagesPerSecond"]),
      recentImagesPerSecond === undefined ? "" : whole(recentImagesPerSecond),
    ],
    ["time for checkpoints", "", duration(summary.checkpointSeconds)],
  ];
  return { rows: rest === undefined || rest <= 0 ? rows : [...rows, ["time left at this speed", "", duration(rest)]] };
}
