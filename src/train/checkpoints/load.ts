import { statSync } from "node:fs";
import { CheckpointError } from "../../engine/errors.js";
import { weightsFormat } from "../../formats/content.js";
import { SafetensorsFile } from "../../formats/safetensors.js";
import type { Method } from "../../methods/method.js";
import type { Encoder } from "../../models/encoder.js";
import { partOf } from "../../models/published/names.js";
import { openPublished, type Published } from "../../models/published/open.js";
import { Rng } from "../../tensor/random.js";
import { Checkpoint } from "../checkpoint.js";
import { parseConfig, type RunConfig } from "../config.js";
import { settleMachine } from "../loop/environment.js";
import type { Precision } from "../loop/task.js";
import { trainingOf } from "../pretrain.js";
import { loadInto, modelFile, wholeConfigFrom } from "./from-checkpoint.js";

/** A trained model, read back from a run folder or a file. Close it. */
export interface LoadedModel extends Disposable {
  readonly config: RunConfig;
  readonly method: Method;
  readonly encoder: Encoder;
  readonly precision: Precision;
  /** What the file does not say and was assumed, in words; of a run of ours nothing. */
  readonly assumed: readonly string[];
  /** Whether the file held a decoder of this method; without one it cannot fill in pictures. */
  readonly hasDecoder: boolean;
  /** The checkpoint file, and the step at which it was written. */
  readonly path: string;
  readonly step: number;
  close(): void;
}

export interface LoadOptions {
  readonly device?: string;
}

/**
 * Reads a run's newest good checkpoint, a checkpoint file, or a model in any other layout that is read (official .pth,
 * timm, transformers). A decoder that the file lacks has its first values: `hasDecoder` says so.
 * @throws CheckpointError, FormatError where there is none
 */
export function loadModel(path: string, options: LoadOptions = {}): LoadedModel {
  const file = modelFile(path);
  return isOwn(file) ? loadOwn(file, options) : loadForeign(file, options);
}

/** By content, whatever its name is. @throws FormatError for a file that holds no weights */
export function isOwn(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return false; // of transformers
  if (weightsFormat(path) !== "safetensors") return false;
  using file = SafetensorsFile.open(path);
  return file.metadata?.["format"] === "lacuna-checkpoint";
}

function loadOwn(path: string, options: LoadOptions): LoadedModel {
  using checkpoint = Checkpoint.open(path);
  refuseClassifier(checkpoint);
  const config = parseConfig({ ...(checkpoint.config as object), ...options });
  return finish(config, checkpoint, (method) => {
    const state = method.state();
    const lacking = [...state.keys()].filter((name) => !checkpoint.has(name));
    const isWhole = !lacking.some((name) => partOf(name) === "decoder");
    if (!isWhole) method.initialize(new Rng(config.seed, "init"));
    checkpoint.loadModel(isWhole ? state : new Map([...state].filter(([name]) => partOf(name) !== "decoder")));
    return isWhole;
  });
}

/** A run of `finetune`: its head and its pooling are part of what it learned, and other commands take those. */
function refuseClassifier({ path, config }: Checkpoint): void {
  const { task, from } = config as { task?: string; from?: string };
  if (task !== "finetune") return;
  const before = from === undefined ? "a run of lacuna pretrain" : `the model that it began with, ${from}`;
  throw new CheckpointError("it holds a classifier, where a pre-trained model is meant.", {
    code: "finetuned",
    path,
    expected: "a model of lacuna pretrain, or one that somebody else pre-trained",
    actual: "a classifier of lacuna finetune",
    remedy: `Classifiers are for lacuna predict, evaluate classifier and export --onnx; here use ${before}.`,
  });
}

function loadForeign(path: string, options: LoadOptions): LoadedModel {
  using published = openPublished(path);
  checkPooling(published);
  const config = parseConfig({ ...wholeConfigFrom(published), ...options });
  return finish(
    config,
    { path: published.path, position: { step: 0 }, assumed: published.assumed },
    (method, encoder) => {
      method.initialize(new Rng(config.seed, "init"));
      return loadInto(method.state(), encoder, published, { positions: "resize" }).decoder;
    },
  );
}

/** A mean-pooled classifier's encoder has no norm of its own: what its features are is the classifier's business. */
function checkPooling({ path, shape }: Published): void {
  if (shape.head?.pooling !== "mean") return;
  throw new CheckpointError(
    "the file holds a classifier that averages tokens before its norm, and no encoder by itself.",
    {
      code: "classifier",
      path,
      expected: "norm.weight",
      actual: "fc_norm.weight",
      remedy: "Use the pre-trained checkpoint that it was trained from.",
    },
  );
}

function finish(
  config: RunConfig,
  from: { readonly path: string; readonly position: { readonly step: number }; readonly assumed?: readonly string[] },
  fill: (method: Method, encoder: Encoder) => boolean,
): LoadedModel {
  const { precision } = settleMachine(config);
  const { method } = trainingOf(config);
  const { encoder } = method;
  const close = (): void => method.close();
  try {
    const hasDecoder = fill(method, encoder);
    method.setTraining(false);
    const { path, position, assumed = [] } = from;
    return {
      config,
      assumed,
      method,
      encoder,
      precision,
      hasDecoder,
      path,
      step: position.step,
      close,
      [Symbol.dispose]: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
