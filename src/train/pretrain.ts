import { resolve } from "node:path";
import { openSource, type Source } from "../data/source.js";
import { withLabels } from "../data/sources/subset.js";
import { CheckpointError } from "../engine/errors.js";
import { ConfigError } from "../errors.js";
import { buildMethod, methods } from "../methods/index.js";
import type { Borrowed, TrainedRun } from "../methods/method.js";
import { buildEncoder } from "../models/index.js";
import { tensorSource } from "../models/published/tensors.js";
import { usualNormalization } from "../models/published/told.js";
import { loadState } from "../models/weights.js";
import { architecture } from "./checkpoint.js";
import { openModelFile, weightsHash } from "./checkpoints/from-checkpoint.js";
import { loadInto } from "./checkpoints/load-into.js";
import { checkColumns, checkSameClasses, completeFor } from "./columns.js";
import { parseConfig, type RunConfig } from "./config.js";
import { byName, type PretrainInput } from "./definitions.js";
import { type LoopOptions, Run } from "./loop/loop.js";
import { openNew, type RunOptions } from "./loop/session.js";
import type { TaskSpec } from "./loop/spec.js";
import { imageShape } from "./loop/task.js";
import type { Training } from "./trainer.js";
import { PreviewPictures } from "./watch/pictures.js";

/** Training by a method of the list. */
export const pretraining: TaskSpec<RunConfig> = {
  name: "pretrain",
  parse: parseConfig,
  openSource: async ({ data, method }) => completeFor(methods.get(method.name), await openSource(data.source)),
  complete: ({ method }, heldOut) => completeFor(methods.get(method.name), heldOut),
  settle: (config, source) => withInit(withWarmup(withMethod(config, source))),
  training: (config, source) => {
    checkColumns(methods.get(config.method.name), source, "data.source");
    return trainingOf(config);
  },
  load: ({ init, initHints }, { method }) => {
    for (const part of method.borrowed?.() ?? []) copyBorrowed(part);
    if (init === undefined) return;
    using published = openModelFile(init, initHints);
    // Parts of a method that are of other sizes keep their first values. A student begins from a file that holds no student too.
    for (const encoder of new Set([method.encoder, method.outcome]))
      loadInto(method.state(), encoder, published, { positions: "recompute" });
  },
  accept: ({ method }, heldOut, source) => {
    const spec = methods.get(method.name);
    checkColumns(spec, heldOut, "data.heldOut");
    if (!spec.columns.includes("label")) return;
    checkSameClasses(source.classes, spec.onlyComplete ? heldOut : withLabels(heldOut));
  },
  pictures: (config, trainer, folder, source) => new PreviewPictures(config, trainer, folder, source),
};

/** What a configuration trains, its weights not yet initialised. @throws ConfigError where method and model do not fit */
export function trainingOf(config: RunConfig): Training {
  const spec = methods.get(config.method.name);
  const image = imageShape(config);
  const given = spec.resolve(config.method, (run) => readTrained(run, config));
  return {
    method: buildMethod(given, () => buildEncoder(config.model, image)),
    views: spec.views(given, image),
    validationViews: spec.validationViews(given, image),
    columns: spec.columns,
    readText: spec.readText(config.method),
    architecture: architecture(config),
  };
}

/** The method's own configuration, with what follows from the pictures written into it. */
function withMethod(config: RunConfig, source: Source): RunConfig {
  const spec = methods.get(config.method.name);
  const method = spec.resolve(spec.settle(config.method, source), (run) => readTrained(run, config));
  return { ...config, method: method as RunConfig["method"] };
}

/** What a trained run says of itself. @throws ConfigError where its pictures are normalised otherwise: they are one batch */
function readTrained(run: string, { data }: RunConfig): TrainedRun {
  using published = openModelFile(run);
  const { mean, std } = published.normalization ?? usualNormalization;
  if (String(mean) !== String(data.mean) || String(std) !== String(data.std))
    throw new ConfigError({
      problem: `${run} was trained on pictures with mean ${String(mean)} and std ${String(std)}.`,
      code: "normalization",
      path: "data.mean",
      expected: { mean, std },
      actual: { mean: data.mean, std: data.std },
      remedy: "Give data.mean and data.std the same values.",
    });
  const { method, model } = published;
  return { path: resolve(published.path), hash: weightsHash(published), method, model };
}

/** @throws CheckpointError where the weights are others than when the configuration was written */
function copyBorrowed({ run, hash, state }: Borrowed): void {
  using published = openModelFile(run);
  const found = weightsHash(published);
  if (hash !== undefined && hash !== found)
    throw new CheckpointError({
      problem: `the weights have the SHA-256 ${found}, the configuration asks for ${hash}.`,
      code: "hash",
      path: run,
      expected: hash,
      actual: found,
      remedy: "Get the run that is meant.",
    });
  const encoder = [...published.tensors].map(([name, tensor]) => [`encoder.${name}`, tensor] as const);
  const all = new Map([...encoder, ...published.rest]);
  loadState(
    state,
    tensorSource(all, published.path, (name) => state.has(name)),
  );
}

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
  using published = openModelFile(config.init, config.initHints);
  const path = resolve(published.path);
  const initHash = weightsHash(published);
  if (config.initHash === undefined || config.initHash === initHash) return { ...config, init: path, initHash };
  throw new CheckpointError({
    problem: `the weights have the SHA-256 ${initHash}, the configuration asks for ${config.initHash}.`,
    code: "hash",
    path,
    expected: config.initHash,
    actual: initHash,
    remedy: "Get the file that is meant, or leave initHash out.",
  });
}

/**
 * Describes a new run; iterate the result. Method and model may be a program's own definitions.
 * @throws ConfigError at once; the rest when it begins
 */
export function pretrain(input: PretrainInput, options: RunOptions & LoopOptions = {}): Run<RunConfig> {
  const config = parseConfig(byName(input));
  return new Run(() => openNew(pretraining, config, options), options);
}
