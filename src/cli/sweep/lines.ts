/** Where the points of a sweep stand, a line each. */
import type { MeasureName, PlannedPoint, Standing } from "../../public/sweep.js";
import { tableLines } from "../report.js";
import { duration, figure, percent, scaled } from "../words.js";

const titles: Record<MeasureName, string> = { knn: "k-NN", linear: "linear", finetune: "fine-tuning" };

/** A line a point, in the order in which they are run, with a title above. */
export function standingLines(standing: Standing): string[] {
  return tableLines([
    ["", "point", "work", "state", ...standing.measures.map((name) => titles[name]), "loss", "training"],
    ...standing.plan.points.map((planned, i) => cells(standing, planned, i)),
  ]).map((line) => `  ${line}`);
}

/** The line of one point. */
export function standingLine(standing: Standing, planned: PlannedPoint): string {
  return standingLines(standing)[1 + standing.plan.points.indexOf(planned)] ?? "";
}

function cells(standing: Standing, planned: PlannedPoint, index: number): string[] {
  const { status, accuracies, loss, seconds, failure } = standing.of(planned);
  const left = standing.secondsFor(planned.cost);
  const time =
    seconds !== undefined && seconds > 0 ? duration(seconds) : left === undefined ? "" : `about ${duration(left)}`;
  const accuracy = (name: MeasureName): string => (accuracies[name] === undefined ? "" : percent(accuracies[name]));
  return [
    `${index + 1}`,
    planned.point.id,
    scaled(planned.cost),
    failure === undefined ? status : `failed: ${failure.slice(0, 60)}`,
    ...standing.measures.map(accuracy),
    loss === undefined || !Number.isFinite(loss) ? "" : figure(loss),
    time,
  ];
}
