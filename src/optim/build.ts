import type { z } from "zod";
import { AdamW, adamwConfig } from "./adamw.js";
import { type GroupRule, ruledGroups } from "./groups.js";
import { Larc, larcConfig } from "./larc.js";
import { Lars, larsConfig } from "./lars.js";
import type { NamedTensor, Optimizer } from "./optimizer.js";
import { Sgd, sgdConfig } from "./sgd.js";

/** The list of optimisers, by their schemas. */
export const optimizerConfigs = [adamwConfig, sgdConfig, larsConfig, larcConfig] as const;
export type OptimizerConfig = z.output<(typeof optimizerConfigs)[number]>;

/** The optimiser that a config describes. @param ruleFor what is said of single parameters */
export function buildOptimizer(
  config: OptimizerConfig,
  parameters: readonly NamedTensor[],
  ruleFor: (parameter: NamedTensor) => GroupRule | undefined,
): Optimizer {
  const groups = ruledGroups(parameters, config.weightDecay, ruleFor);
  switch (config.name) {
    case "adamw":
      return new AdamW(groups, config);
    case "sgd":
      return new Sgd(groups, config);
    case "lars":
      return new Lars(groups, config);
    case "larc":
      return new Larc(groups, config);
  }
}
