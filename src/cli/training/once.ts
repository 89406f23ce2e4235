/** Supervised runs that are parts of something larger: what is finished is not run again, what was stopped goes on. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { FinetuneConfig } from "../../index.js";
import type { RunAccuracy } from "../../public/runs.js";
import { UsageError } from "../errors.js";
import type { Report } from "../report.js";
import { watchRun } from "./watch.js";

export interface Once {
  /** 0, or the code of a run that was interrupted: the whole ends with it. */
  readonly exitCode: number;
  readonly accuracy: RunAccuracy | undefined;
}

/** @throws UsageError where the folder holds a run of another configuration: its accuracy would be no answer */
export async function trainOnce(
  folder: string,
  config: FinetuneConfig,
  command: string,
  report: Report,
): Promise<Once> {
  const { changedSince } = await import("../../public/train.js");
  const { finetune, openRun, resume } = await import("../../index.js");
  const { heldOutAccuracy } = await import("../../public/runs.js");
  const begun = existsSync(join(folder, "run.json")) ? openRun(folder) : undefined;
  const changed = begun === undefined ? [] : changedSince(begun.run.config, config);
  if (changed.length > 0) {
    throw new UsageError({
      code: "changed-run",
      path: folder,
      expected: "a run of the configuration that is asked for",
      actual: `one that was begun with another (before -> now: ${changed.slice(0, 3).join("; ")})`,
      remedy: "Choose another --out, or delete that folder.",
    });
  }
  if (begun?.run.status === "finished") return { exitCode: 0, accuracy: heldOutAccuracy(begun.events) };
  const { exitCode, accuracy } = await watchRun(
    (signal) => (begun === undefined ? finetune(config, { out: folder, signal, command }) : resume(folder, { signal })),
    folder,
    report,
  );
  return { exitCode, accuracy };
}
