/**
 * `lacuna/optim`: optimisers, parameter groups, schedules, clipping, averages.
 * @module lacuna/optim
 */
export { AdamW, type AdamWOptions } from "../optim/adamw.js";
export { averageInto, ParameterAverage } from "../optim/average.js";
export { clipEachGradient, clipGradientNorm, gradientNorm } from "../optim/clip.js";
export { fineTuningDecay, type LayerDecay, layerDecayGroups, ruledGroups, weightDecayGroups } from "../optim/groups.js";
export { Larc, type LarcOptions } from "../optim/larc.js";
export { Lars, type LarsOptions } from "../optim/lars.js";
export { type LbfgsOptions, lbfgs, type Minimum } from "../optim/lbfgs.js";
export type { NamedTensor, Optimizer, ParameterGroup } from "../optim/optimizer.js";
export {
  absoluteLearningRate,
  decayScaleAt,
  type Ramp,
  type RateShape,
  rampAt,
  rateAt,
  warmupCosine,
} from "../optim/schedule.js";
export { Sgd, type SgdOptions } from "../optim/sgd.js";
