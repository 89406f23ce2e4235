/**
 * `lacuna/train`: configurations, pre-training, fine-tuning, and what stands inside a run.
 * @module lacuna/train
 */
export { Classifier } from "../finetune/classifier.js";
export {
  currentFinetuneConfig,
  defineFinetune,
  type FinetuneConfig,
  type FinetuneConfigInput,
  finetuneConfig,
  parseFinetune,
} from "../finetune/config.js";
export { fewLabelChoices, fewLabels } from "../finetune/few-labels.js";
export { changedSince, finetune, resolveFinetune } from "../finetune/finetune.js";
export { type LoadedClassifier, loadClassifier, loadTrained } from "../finetune/load.js";
export { finetuneOnce } from "../finetune/once.js";
export { type AnyConfig, resume } from "../finetune/resume.js";
export { buildClassifier } from "../finetune/supervised.js";
export { type ErasingConfig, erase_, erasingConfig } from "../methods/supervised/erasing.js";
export {
  checkMixing,
  drawMix,
  type Mix,
  type MixingConfig,
  mixImages,
  mixingConfig,
  mixTargets,
  partnerRows,
} from "../methods/supervised/mixing.js";
export { toImages } from "../train/batch.js";
export {
  currentRunConfig,
  type Derived,
  defineRun,
  derive,
  parseConfig,
  type RunConfig,
  type RunConfigInput,
  runConfig,
} from "../train/config.js";
export { type Given, type PretrainInput, register, registerAll } from "../train/definitions.js";
export type { Budget } from "../train/loop/budget.js";
export { lacunaVersion, settleMachine } from "../train/loop/environment.js";
export { type LoopOptions, Run } from "../train/loop/loop.js";
export type { Probe, ProbeSetting } from "../train/loop/probes.js";
export { imageShape, type LoopConfig } from "../train/loop/task.js";
export { pretrain, trainingOf } from "../train/pretrain.js";
export { checkReference, type ReferencePart } from "../train/reference/check.js";
export { plainLoader } from "../train/watch/held-out.js";
export { reconstructionPanels, renderPanels } from "../train/watch/panels.js";
