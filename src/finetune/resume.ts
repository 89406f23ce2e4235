/** Going on with a run of any kind: it stands here because it must know them all. */
import { CheckpointError } from "../engine/errors.js";
import type { RunConfig } from "../train/config.js";
import { type LoopOptions, Run } from "../train/loop/loop.js";
import { openResumed, type ResumeOptions } from "../train/loop/session.js";
import type { TaskSpec } from "../train/loop/spec.js";
import { pretraining } from "../train/pretrain.js";
import type { FinetuneConfig } from "./config.js";
import { finetuning } from "./finetune.js";

/** The configuration of a run of any kind; a supervised one has a `task`. */
export type AnyConfig = RunConfig | FinetuneConfig;
type AnySpec = TaskSpec<AnyConfig>;

/** Kinds of runs, as `task` in run.json's config names them. Each is given the configurations that it parsed itself. */
const tasks: Readonly<Record<string, AnySpec>> = {
  pretrain: pretraining as unknown as AnySpec,
  finetune: finetuning as unknown as AnySpec,
};

/** Describes the continuation of a stopped run: loss trace and weights are those of a run that never stopped. */
export function resume(folder: string, options: ResumeOptions & LoopOptions = {}): Run<AnyConfig> {
  const specOf = ({ task = "pretrain" }: Readonly<Record<string, unknown>>): AnySpec => {
    const spec = tasks[String(task)];
    if (spec !== undefined) return spec;
    throw new CheckpointError({
      problem: `the run has a task that this version does not know: ${String(task)}.`,
      code: "unknown-task",
      path: folder,
      expected: Object.keys(tasks),
      actual: task,
    });
  };
  return new Run(() => openResumed(folder, specOf, options), options);
}
