/** The public surface of lacuna. Importing it loads neither libtorch nor a worker: the engine starts at the first operation. */

export { openLoader, type Batch, type Loader, type LoaderOptions } from "./data/loader.js";
export { openSource, type Source, type SourceInput, type SourceSpec } from "./data/source.js";
export { type DType } from "./engine/dtype.js";
export { LacunaError } from "./engine/errors.js";
export { autocast, noGrad, setThreads, threads } from "./engine/modes.js";
export { liveTensors, scope } from "./engine/scope.js";
export { type Cost, cost } from "./graph/cost.js";
export { type Loss, Method, type MethodSpec, type Reconstruction, type Step } from "./methods/method.js";
export { Mae, mae, type MaeConfig } from "./methods/masked/mae.js";
export { methods } from "./methods/index.js";
export { buildEncoder, type ModelConfig, models } from "./models/index.js";
export { Vit, type VitConfig, vitSizes } from "./models/vit.js";
export { Module, Parameter } from "./nn/module.js";
export { cat, stack, zeros, ones, full, arange, empty } from "./tensor/creation.js";
export { backward, checkpoint } from "./tensor/grad.js";
export { Rng } from "./tensor/random.js";
export { Tensor, tensor } from "./tensor/tensor.js";
export { checkReference, type ReferencePart } from "./train/check-reference.js";
export { defineRun, type RunConfig, type RunConfigInput, runConfig } from "./train/config.js";
export { loadModel, type LoadedModel } from "./train/load.js";
export { type Probe, pretrain, resume, Run } from "./train/pretrain.js";
