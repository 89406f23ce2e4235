import type { LoadedModel } from "../../index.js";
import type { LoadOptions } from "../../public/models.js";
import type { Report } from "../report.js";

/** A model as a command's first operand names it; what its file leaves open and was assumed is said. */
export async function openModel(report: Report, path: string, options: LoadOptions = {}): Promise<LoadedModel> {
  const { loadModel } = await import("../../index.js");
  const model = loadModel(path, options);
  for (const line of model.assumed) report.line(`assumed: ${line}`);
  return model;
}
