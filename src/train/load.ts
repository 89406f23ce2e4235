import { statSync } from "node:fs";
import { CheckpointError } from "../engine/errors.js";
import { buildMethod } from "../methods/index.js";
import type { Method } from "../methods/method.js";
import { buildEncoder } from "../models/index.js";
import type { Vit } from "../models/vit.js";
import { Checkpoint, checkpointFolder, lastCheckpoint } from "./checkpoint.js";
import { parseConfig, type RunConfig } from "./config.js";
import { settleMachine } from "./loop/environment.js";
import { imageShape, type Precision } from "./loop/task.js";

/** A trained model, read back from a run folder or a checkpoint file. Close it. */
export interface LoadedModel extends Disposable {
  readonly config: RunConfig;
  readonly method: Method;
  readonly encoder: Vit;
  readonly precision: Precision;
  /** The checkpoint file, and the step at which it was written. */
  readonly path: string;
  readonly step: number;
  close(): void;
}

/**
 * Reads a run's newest good checkpoint, or the checkpoint file itself. It holds the configuration, so nothing else is
 * needed. @throws CheckpointError where there is none
 */
export function loadModel(runOrCheckpoint: string, options: { device?: string } = {}): LoadedModel {
  using checkpoint = findCheckpoint(runOrCheckpoint);
  const config = parseConfig({ ...(checkpoint.config as object), ...options });
  const { precision } = settleMachine(config);
  const encoder = buildEncoder(config.model, imageShape(config));
  const method = buildMethod(config.method, encoder);
  checkpoint.loadModel(method.state());
  method.setTraining(false);
  const close = (): void => method.close();
  return {
    config,
    method,
    encoder,
    precision,
    path: checkpoint.path,
    step: checkpoint.position.step,
    close,
    [Symbol.dispose]: close,
  };
}

/** A run's newest good checkpoint, or the checkpoint file itself. Close it. @throws CheckpointError where there is none */
export function findCheckpoint(path: string): Checkpoint {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return Checkpoint.open(path);
  const { checkpoint, damaged } = lastCheckpoint(path);
  if (checkpoint !== undefined) return checkpoint;
  const [worst] = damaged;
  throw new CheckpointError(
    worst === undefined ? "there is no checkpoint in it." : `no checkpoint in it can be read (${worst.error.message})`,
    {
      code: "no-checkpoint",
      path,
      expected: `a file in ${checkpointFolder(path)}`,
      actual: damaged.length,
      remedy:
        worst === undefined
          ? "A run writes its first one after five minutes, when it is stopped, or at its end."
          : undefined,
    },
  );
}
