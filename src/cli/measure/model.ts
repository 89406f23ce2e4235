import type { LoadedModel } from "../../index.js";
import type { ForeignHints, LoadOptions } from "../../public/models.js";
import type { Report } from "../report.js";

/** A model as a command's first operand names it; what its file leaves open and was assumed is said. */
export async function openModel(report: Report, path: string, options: LoadOptions = {}): Promise<LoadedModel> {
  const { loadModel } = await import("../../index.js");
  const model = loadModel(path, options);
  tell(report, model.assumed);
  return model;
}

/** The same of the weights that a new run begins with, if it does. */
export async function tellAssumed(report: Report, path: string | undefined, hints?: ForeignHints): Promise<void> {
  if (path === undefined) return;
  const { assumedOf } = await import("../../public/models.js");
  tell(report, assumedOf(path, hints));
}

function tell(report: Report, assumed: readonly string[]): void {
  for (const line of assumed) report.line(`assumed: ${line}`);
}
