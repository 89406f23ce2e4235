import { openSource } from "../data/source.js";
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
  settle: withWarmup,
  build: (config, { derived, precision }) => new Trainer(config, derived, precision),
  pictures: (trainer, folder, source) => new PreviewPictures(trainer.config, trainer, folder, source),
};

/** A run.json says what was used: the warm-up that was chosen stands in it. */
function withWarmup(config: RunConfig): RunConfig {
  return {
    ...config,
    optim: { ...config.optim, warmupEpochs: config.optim.warmupEpochs ?? Math.min(40, config.epochs / 10) },
  };
}

/** Describes a new run; iterate the result. @throws ConfigError at once; the rest when it begins */
export function pretrain(input: RunConfigInput, options: RunOptions & LoopOptions = {}): Run<RunConfig> {
  const config = parseConfig(input);
  return new Run(() => openNew(pretraining, config, options), options);
}
