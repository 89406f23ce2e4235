/** The public surface of lacuna. Importing it loads neither libtorch nor a worker: the engine starts at the first operation. */

export { examine } from "./data/doctor/examine.js";
export { type DoctorReport, doctorReportSchema } from "./data/doctor/report.js";
export { type PictureSurvey, surveyPictures } from "./data/doctor/survey.js";
export { reportText } from "./data/doctor/text.js";
export { type Batch, type Loader, type LoaderOptions, openLoader } from "./data/loader.js";
export { openSource, type Source, type SourceInput, type SourceProgress, type SourceSpec } from "./data/source.js";
export { cacheFolder } from "./data/sources/cache.js";
export {
  chooseLabelled,
  type LabelChoice,
  labelChoiceSchema,
  meanPerClass,
  sharesText,
} from "./data/sources/labelled.js";
export { isJpegName } from "./data/sources/names.js";
export { type PackOptions, type PackProgress, type PackSummary, pack } from "./data/sources/packed/pack.js";
export { PACK_FORMATS, type PackFormat } from "./data/sources/packed/source.js";
export { findSplits, type SplitName, type Splits, splitOfName } from "./data/sources/splits.js";
export { drawn, subsetOf } from "./data/sources/subset.js";
export { cpuHasBfloat16, libtorchVersion } from "./engine/device.js";
export type { DType } from "./engine/dtype.js";
export { machineLimits } from "./engine/limits.js";
export { autocast, noGrad, setThreads, threads } from "./engine/modes.js";
export { liveTensors, scope } from "./engine/scope.js";
export { LacunaError } from "./errors.js";
export { drawBlocks } from "./evaluate/blocks-curve.js";
export { type Classified, classifyAll, type PictureClassifier, type Unreadable } from "./evaluate/classify.js";
export { drawConfusion, drawMistakes, mistakesOf } from "./evaluate/confusion.js";
export { featureProbes } from "./evaluate/feature-probe.js";
export { type Extracted, extractFeatures, type LabelledFeatures } from "./evaluate/features.js";
export { type FewLabels, fewLabels } from "./evaluate/few-labels.js";
export { type KnnResult, knn } from "./evaluate/knn.js";
export { type LinearProbeResult, linearProbe } from "./evaluate/linear-probe.js";
export { type OpenedEncoder, openEncoder } from "./evaluate/open-encoder.js";
export { pixelFeatures } from "./evaluate/pixels.js";
export { type Confusion, confusedPairs, type Scores, scoresOf } from "./evaluate/scores.js";
export { type HuggingFaceFolder, type HuggingFaceOptions, writeHuggingFace } from "./export/hugging-face.js";
export {
  autoencoderOnnx,
  classifierOnnx,
  encoderOnnx,
  type Judge,
  type ModelOnnxOptions,
  preprocessing,
} from "./export/onnx.js";
export { Classifier } from "./finetune/classifier.js";
export {
  currentFinetuneConfig,
  defineFinetune,
  type FinetuneConfig,
  type FinetuneConfigInput,
  finetuneConfig,
  parseFinetune,
} from "./finetune/config.js";
export { type ErasingConfig, erase_, erasingConfig } from "./finetune/erasing.js";
export { changedSince, finetune, resolveFinetune } from "./finetune/finetune.js";
export { type LoadedClassifier, loadClassifier } from "./finetune/load.js";
export {
  checkMixing,
  drawMix,
  type Mix,
  type MixingConfig,
  mixImages,
  mixingConfig,
  mixTargets,
  partnerRows,
} from "./finetune/mixing.js";
export { type AnyConfig, resume } from "./finetune/resume.js";
export { buildClassifier } from "./finetune/supervised.js";
export { npyHeader } from "./formats/npy.js";
export { safetensorsHeader } from "./formats/safetensors.js";
export { type Cost, cost } from "./graph/cost.js";
export { type DiagramOptions, diagram } from "./graph/diagram.js";
export { exportOnnx, type OnnxFile, type OnnxOptions } from "./graph/onnx/export.js";
export type { Flame, ModuleTime, OperationTime, StepProfile } from "./graph/profile.js";
export { type ComparedRun, compareRuns, distinctNames, type RunComparison } from "./inspect/compare.js";
export { drawOverlaid, type OverlaidRun } from "./inspect/overlay.js";
export { loadReferences, nearestReference } from "./inspect/reference.js";
export { differingSettings, flattened, type SettingDifference } from "./inspect/settings.js";
export { type Verdict, verdict } from "./inspect/verdict.js";
export type { Health, Signal } from "./methods/health.js";
export { buildMethod, methods, usualMethod } from "./methods/index.js";
export { Emae, type EmaeConfig, emae } from "./methods/masked/emae.js";
export { Mae, type MaeConfig, mae } from "./methods/masked/mae.js";
export {
  type Batch as MethodBatch,
  type DefinedMethod,
  defineMethod,
  type Fit,
  type Hiding,
  type Loss,
  Method,
  type MethodSpec,
  type ParameterRule,
  type Pieces,
  type Reconstruction,
  type Step,
} from "./methods/method.js";
export type { Target } from "./methods/parts/targets/target.js";
export type { Tokenizer } from "./methods/parts/tokenizers/tokenizer.js";
export { MocoV3, type MocoV3Config, mocoV3 } from "./methods/siamese/moco-v3.js";
export { alone, type World } from "./methods/world.js";
export {
  anyEncoder,
  type Encoder,
  type EncoderKind,
  type ImageShape,
  type Pool,
  patchEncoder,
} from "./models/encoder.js";
export { buildEncoder, type DefinedModel, type ModelConfig, models, usualModel } from "./models/index.js";
export type { Layout } from "./models/published/layout.js";
export type { Published } from "./models/published/open.js";
export { Vit, type VitConfig, vitSizes } from "./models/vit.js";
export { Linear } from "./nn/linear.js";
export { Chain, Module, Parameter } from "./nn/module.js";
export type { PageDescription } from "./page/description.js";
export { checkRoom, type PageParts, writePage } from "./page/folder.js";
export { type PageServer, servePage } from "./page/server.js";
export { type Decoding, measureDecoding } from "./plan/decoding.js";
export { chooseDefaults, type Defaults } from "./plan/defaults/choose.js";
export { machineFacts } from "./plan/defaults/machine.js";
export { emptyBatch } from "./plan/example-batch.js";
export { busyLoad, type MachineRates, machineRates } from "./plan/machine.js";
export { recordRun, runMemory, stepTime, whatWouldFit, withinMinutes } from "./plan/predict.js";
export { profileStep } from "./plan/profile.js";
export { estimateGpu, type GpuEstimate } from "./plan/speed.js";
export { drawCurves, type RecordedCurves, writeCurves } from "./runs/curves.js";
export { drawingStyle, pngOf, svgOf } from "./runs/drawing.js";
export { FileError } from "./runs/errors.js";
export { type OpenedRun, openRun, openRuns } from "./runs/reader.js";
export { runFoldersIn } from "./runs/run-file.js";
export type { RunEvent, RunFile } from "./runs/schema.js";
export {
  badPictures,
  type Gain,
  gainInterval,
  type Interval,
  type ProbeSummary,
  pairedInterval,
  probeSummaries,
  type RunSummary,
  type Scored,
  type Spread,
  scoresOfRun,
  spread,
  summarize,
  wilsonInterval,
} from "./runs/summary.js";
export { AtomicFile, checkWritable, makeFolder, writeAtomic } from "./runs/write-atomic.js";
export {
  defineSweep,
  type Evaluate,
  type MeasureName,
  type Reference,
  type Sweep,
  type SweepInput,
  sweepSchema,
} from "./sweep/define.js";
export { type Measurement, type PointResults, type PointState, readPoint, SweepFolder } from "./sweep/folder.js";
export { inOrder } from "./sweep/order.js";
export { writePlots } from "./sweep/plots.js";
export { expand as expandSweep, type SweepPoint } from "./sweep/points.js";
export {
  type BaselineRow,
  measuresOf,
  type PointResult,
  type PointStatus,
  type SweepSummary,
  summarizeSweep,
} from "./sweep/summary.js";
export { csvText, markdownText, tableRows } from "./sweep/table.js";
export { arange, cat, empty, full, ones, stack, zeros } from "./tensor/creation.js";
export { backward, checkpoint } from "./tensor/grad.js";
export { Rng } from "./tensor/random.js";
export { withRandom } from "./tensor/step-random.js";
export { Tensor, tensor } from "./tensor/tensor.js";
export { toImages } from "./train/batch.js";
export { type Converted, type ConvertOptions, convert } from "./train/checkpoints/convert.js";
export { configFrom, type ForeignHints, openModelFile } from "./train/checkpoints/from-checkpoint.js";
export {
  type LoadedConfig,
  type LoadedMethod,
  type LoadedModel,
  type LoadOptions,
  loadModel,
  untrainedModel,
  withMethod,
} from "./train/checkpoints/load.js";
export {
  currentRunConfig,
  type Derived,
  defineRun,
  derive,
  parseConfig,
  type RunConfig,
  type RunConfigInput,
  runConfig,
} from "./train/config.js";
export { type Given, type PretrainInput, register, registerAll } from "./train/definitions.js";
export type { Budget } from "./train/loop/budget.js";
export { lacunaVersion, settleMachine } from "./train/loop/environment.js";
export { type LoopOptions, Run } from "./train/loop/loop.js";
export type { Probe, ProbeSetting } from "./train/loop/probes.js";
export { imageShape, type LoopConfig } from "./train/loop/task.js";
export { pretrain, trainingOf } from "./train/pretrain.js";
export { checkReference, type ReferencePart } from "./train/reference/check.js";
export { plainLoader } from "./train/watch/held-out.js";
export { reconstructionPanels, renderPanels } from "./train/watch/panels.js";
