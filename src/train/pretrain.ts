import { resolve } from "node:path";
import { openSource } from "../data/source.js";
import { CheckpointError } from "../engine/errors.js";
import { openPublished } from "../models/published/open.js";
import { loadInto, modelFile, openModelFile, weightsHash } from "./checkpoints/from-checkpoint.js";
import { parseConfig, type RunConfig, type RunConfigInput } from "./config.js";
import { type LoopOptions, Run } from "./loop/loop.js";
import { openNew, type RunOptions } from "./loop/session.js";
import type { TaskSpec } from "./loop/task.js";
import { Trainer } from "./trainer.js";
import { PreviewPictures } from "./watch/pictures.js";

/** Learning without labels, by a method of the list. */
export const pretraining: TaskSpec<RunConfig, Trainer> = {
  name: "pretrain",
  parse: parseConfig,
  openSource: ({ data }) => openSource(data.source),
  settle: (config) => withInit(withWarmup(config)),
  build: (config, { derived, precision, willLoad }) => {
    const trainer = new Trainer(config, derived, precision);
    if (config.init !== undefined && !willLoad) beginWith(trainer, config.init);
    return trainer;
  },
  pictures: (trainer, folder, source) => new PreviewPictures(trainer.config, trainer, folder, source),
};

/** A run.json says what was used: the warm-up that was chosen stands in it. */
function withWarmup(config: RunConfig): RunConfig {
  return {
    ...config,
    optim: { ...config.optim, warmupEpochs: config.optim.warmupEpochs ?? Math.min(40, config.epochs / 10) },
  };
}

/** Weights from elsewhere are named for good: by their file, which may be a run's newest checkpoint today, and their hash. */
function withInit(config: RunConfig): RunConfig {
  if (config.init === undefined) return config;
  const path = resolve(modelFile(config.init));
  using published = openModelFile(path);
  const initHash = weightsHash(published);
  if (config.initHash === undefined || config.initHash === initHash) return { ...config, init: path, initHash };
  throw new CheckpointError(
    `the weights have the SHA-256 ${initHash}, the configuration asks for ${config.initHash}.`,
    {
      code: "hash",
      path,
      expected: config.initHash,
      actual: initHash,
      remedy: "Get the file that is meant, or leave initHash out.",
    },
  );
}

/** A decoder of other sizes than the file's keeps its first values. */
function beginWith(trainer: Trainer, path: string): void {
  try {
    using published = openPublished(path);
    loadInto(trainer.method.state(), trainer.encoder, published, { positions: "recompute" });
  } catch (error) {
    trainer.close();
    throw error;
  }
}

/** Describes a new run; iterate the result. @throws ConfigError at once; the rest when it begins */
export function pretrain(input: RunConfigInput, options: RunOptions & LoopOptions = {}): Run<RunConfig> {
  const config = parseConfig(input);
  return new Run(() => openNew(pretraining, config, options), options);
}
