/** Going on with a run of any kind: it stands here because it must know them all. */
import { CheckpointError } from "../engine/errors.js";
import type { RunConfig } from "../train/config.js";
import { type LoopOptions, Run } from "../train/loop/loop.js";
import { openResumed, type ResumeOptions } from "../train/loop/session.js";
import { pretraining } from "../train/pretrain.js";

/** Kinds of runs, as `task` in run.json's config names them. */
const tasks = { pretrain: pretraining } as const;

/** Describes the continuation of a stopped run: loss trace and weights are those of a run that never stopped. */
export function resume(folder: string, options: ResumeOptions & LoopOptions = {}): Run<RunConfig> {
  const specOf = ({ task = "pretrain" }: Readonly<Record<string, unknown>>) => {
    const spec = tasks[task as keyof typeof tasks] as (typeof tasks)[keyof typeof tasks] | undefined;
    if (spec !== undefined) return spec;
    throw new CheckpointError(`the run has a task that this version does not know: ${String(task)}.`, {
      code: "unknown-task",
      path: folder,
      expected: Object.keys(tasks),
      actual: task,
    });
  };
  return new Run(() => openResumed<RunConfig>(folder, specOf, options), options);
}
