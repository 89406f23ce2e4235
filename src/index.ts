// biome-ignore-all assist/source/organizeImports: by what one wants to do
/**
 * The package at a glance, by what one wants to do. Everything stands in a subpath too, beside what is needed less often:
 * `lacuna/data`, `/train`, `/evaluate`, `/export`, `/runs`, `/methods`, `/models`, `/nn`, `/optim`, `/tensor`, `/plan`, `/sweep`,
 * `/formats`, `/errors`. Importing it loads neither libtorch nor a worker: the engine starts at the first operation.
 * @module lacuna
 */

// Pictures: open them, look them over, pack them
export { openSource, type Source, type SourceInput } from "./data/source.js";
export { examine } from "./data/doctor/examine.js";
export type { DoctorReport } from "./data/doctor/report.js";
export { pack } from "./data/sources/packed/pack.js";

// Pre-train, resume, fine-tune, sweep
export { defineRun, type RunConfig, type RunConfigInput } from "./train/config.js";
export { pretrain } from "./train/pretrain.js";
export { resume } from "./finetune/resume.js";
export type { Run } from "./train/loop/loop.js";
export { defineFinetune, type FinetuneConfig, type FinetuneConfigInput } from "./finetune/config.js";
export { finetune } from "./finetune/finetune.js";
export { defineSweep, type Sweep, type SweepInput } from "./sweep/define.js";

// Use what was trained: vectors, classes, pictures filled in
export { type OpenedEncoder, openEncoder } from "./evaluate/features/open-encoder.js";
export { type LoadedModel, loadModel } from "./train/checkpoints/load.js";
export { type LoadedClassifier, loadClassifier } from "./finetune/load.js";
export { type Reconstructed, reconstruct } from "./evaluate/reconstruct/reconstruct.js";

// Evaluate it
export { evaluateEncoder, type Measured } from "./evaluate/encoder.js";
export { evaluateFewLabels } from "./evaluate/few-labels.js";
export { type ClassifierEvaluation, evaluateClassifier } from "./evaluate/classifier/evaluate.js";
export { extractFeatures, type LabelledFeatures } from "./evaluate/features/extract.js";
export { type KnnResult, knn } from "./evaluate/probes/knn.js";
export { type LinearProbeResult, linearProbe } from "./evaluate/probes/linear-probe.js";

// Read a run, and judge how it goes
export { type OpenedRun, openRun } from "./runs/reader.js";
export type { RunEvent, RunFile } from "./runs/schema.js";
export { type RunSummary, summarize } from "./runs/summary.js";
export { type Verdict, verdict } from "./inspect/verdict.js";

// Give it to other programs
export { classifierOnnx, encoderOnnx } from "./export/onnx.js";
export { writeHuggingFace } from "./export/hugging-face.js";
export { convert } from "./train/checkpoints/convert.js";

// Write a method or a model: lacuna/methods, /models, /nn and /tensor have the rest
export { defineMethod, type Loss, Method, type Step } from "./methods/method.js";
export { register } from "./train/definitions.js";
export type { Encoder } from "./models/encoder.js";
export { Module, Parameter } from "./nn/module.js";
export { Tensor, tensor } from "./tensor/tensor.js";
export { zeros } from "./tensor/creation.js";
export type { DType } from "./engine/dtype.js";
export { scope } from "./engine/scope.js";
export { noGrad } from "./engine/modes.js";

// Errors: lacuna/errors has every kind
export { LacunaError } from "./errors.js";
