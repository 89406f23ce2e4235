/** Supervised runs that are parts of something larger: what is finished is not run again, what was stopped goes on. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../errors.js";
import { openRun } from "../runs/reader.js";
import type { Run } from "../train/loop/loop.js";
import type { FinetuneConfig } from "./config.js";
import { changedSince, finetune } from "./finetune.js";
import { type AnyConfig, resume } from "./resume.js";

/**
 * What is left of a supervised run in its folder: the run, new or resumed; undefined where it is finished. Nothing begins before
 * the run is made.
 * @param command as it was typed, for run.json
 * @throws ConfigError "changed-run" where the folder holds a run of another configuration: its accuracy would be no answer
 */
export function finetuneOnce(
  folder: string,
  config: FinetuneConfig,
  command?: string,
): ((signal?: AbortSignal) => Run<AnyConfig>) | undefined {
  const begun = existsSync(join(folder, "run.json")) ? openRun(folder) : undefined;
  const changed = begun === undefined ? [] : changedSince(begun.run.config, config);
  if (changed.length > 0) {
    const actual = `one that was begun with another (before -> now: ${changed.slice(0, 3).join("; ")})`;
    throw new ConfigError({
      problem: `expected a run of the configuration that is asked for, got ${actual}.`,
      code: "changed-run",
      path: folder,
      expected: "a run of the configuration that is asked for",
      actual,
      remedy: "Choose another --out, or delete that folder.",
    });
  }
  if (begun?.run.status === "finished") return undefined;
  const options = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });
  if (begun !== undefined) return (signal) => resume(folder, options(signal));
  const typed = command === undefined ? {} : { command };
  return (signal) => finetune(config, { out: folder, ...typed, ...options(signal) }) as Run<AnyConfig>;
}
