/**
 * `lacuna/plan`: what a run would be and cost on this machine: defaults, memory, time, profiles.
 * @module lacuna/plan
 */
export { machineLimits } from "../engine/limits.js";
export { type Cost, cost } from "../graph/cost.js";
export { type DiagramOptions, diagram } from "../graph/diagram.js";
export type { Flame, ModuleTime, OperationTime, StepProfile } from "../graph/profile.js";
export { type ClassifierCost, classifierCost, costOf, type ModelCost } from "../plan/cost.js";
export { type Decoding, measureDecoding } from "../plan/decoding.js";
export { chooseDefaults, type Defaults } from "../plan/defaults/choose.js";
export { chooseFinetuning, type FinetuneChoices } from "../plan/defaults/finetuning.js";
export { decidedBy, type InitFacts, readInit, underInit } from "../plan/defaults/init.js";
export { machineFacts } from "../plan/defaults/machine.js";
export { emptyBatch } from "../plan/example-batch.js";
export { drawFlame } from "../plan/flame.js";
export { type Forecast, forecast, type MachineState } from "../plan/forecast.js";
export { busyLoad, type MachineRates, machineRates } from "../plan/machine.js";
export { type ComparedSize, type PlanOptions, planRun, type RunNumbers, type RunPlan } from "../plan/plan.js";
export { plannedOn } from "../plan/planned.js";
export { recordRun, runMemory, stepTime, whatWouldFit, withinMinutes } from "../plan/predict.js";
export { type ProfiledRun, profileRun, profileStep } from "../plan/profile.js";
export { estimateGpu, type GpuEstimate } from "../plan/speed.js";
