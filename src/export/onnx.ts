/** What a run learned, as ONNX files: the encoder, the whole masked autoencoder with its mask as an input, or a classifier. */

import type { Transform } from "../data/views.js";
import { CheckpointError } from "../engine/errors.js";
import { ConfigError } from "../errors.js";
import type { Classifier } from "../finetune/classifier.js";
import type { FinetuneConfig } from "../finetune/config.js";
import { exportOnnx, type OnnxFile, type OnnxOptions, type Tap } from "../graph/onnx/export.js";
import type { Precision } from "../graph/onnx/graph.js";
import { judgingView } from "../methods/supervised/augmentation.js";
import type { Encoder } from "../models/encoder.js";
import type { ExportGraph } from "../models/exports.js";
import type { Module } from "../nn/module.js";
import type { Tensor } from "../tensor/tensor.js";
import type { LoadedConfig, LoadedMethod, LoadedModel } from "../train/checkpoints/load.js";
import type { RunConfig } from "../train/config.js";
import { lacunaVersion } from "../train/loop/environment.js";

/** Precision of an exported file, outputs beside the usual ones, and what it says of its licence. */
export interface ModelOnnxOptions {
  readonly precision?: Precision;
  /** Blocks whose output becomes one of the file's, `hidden_states.3`; 0 is the first block, negative counts from the end. */
  readonly layers?: readonly number[];
  /** Blocks whose attention becomes an output, `attentions.11`. */
  readonly attention?: readonly number[];
  /** An SPDX name, or a sentence: under which terms the weights may be used. */
  readonly license?: string;
}

/** What a supervised run ends with. */
export interface Judge {
  readonly config: Pick<FinetuneConfig, "augmentation" | "classes" | "data" | "model">;
  readonly model: Classifier;
  readonly step: number;
}

const unlicensed = "not stated by who trained it";

type Trained = Pick<LoadedModel, "config" | "encoder" | "step"> &
  Partial<Pick<LoadedModel, "pool" | "pooledNorm" | "path">>;
type WithMethod = Pick<LoadedMethod, "config" | "encoder" | "method" | "step">;

/** The encoder; names and shapes of inputs and outputs are in the file. */
export function encoderOnnx(
  { config, encoder, pool, step, ...model }: Trained,
  options: ModelOnnxOptions = {},
): OnnxFile {
  checkNorm(model);
  const [graph] = encoder.exports(pool);
  return exported(graph as ExportGraph, common(config, step, options), taps(encoder, "", options));
}

/** @throws CheckpointError for an encoder without a norm of its own: what it gives means nothing without the classifier's */
function checkNorm({ pooledNorm, path }: Partial<Pick<LoadedModel, "pooledNorm" | "path">>): void {
  if (pooledNorm === undefined) return;
  throw new CheckpointError({
    problem: "its encoder has no norm of its own: the classifier averages tokens before its norm.",
    code: "classifier",
    path,
    expected: "norm.weight",
    actual: "fc_norm.weight",
    remedy: "Export the classifier (--what classifier), or the encoder that it was trained from.",
  });
}

/**
 * The whole masked autoencoder, for any mask; names and shapes of inputs and outputs are in the file.
 * @throws ConfigError for a method that does not fill in pictures
 */
export function autoencoderOnnx(
  { config, encoder, method, step }: WithMethod,
  options: ModelOnnxOptions = {},
): OnnxFile {
  const graph = method.exports?.().find(({ name }) => name === "masked-autoencoder");
  if (graph === undefined)
    throw new ConfigError({
      problem: `${config.method.name} does not fill in pictures.`,
      code: "method",
      path: "method.name",
      expected: "a masked autoencoder",
      actual: config.method.name,
      remedy: "Export its encoder instead.",
    });
  const attention = encoder.attentionPaths?.at(-1);
  const last =
    attention === undefined ? [] : [{ name: "attention", module: `encoder.${attention}`, op: "softmax.int" as const }];
  const read = [...last, ...taps(encoder, "encoder.", options)];
  const file = exported(graph, common(config, step, options, method.pictureNote?.()), read, {
    attention: "softmax weights of the encoder's last block, class token first, then the visible patches",
  });
  return file;
}

function exported(
  { name, module, inputs, run, probes, descriptions }: ExportGraph,
  options: Common,
  taps: readonly Tap[],
  more: Readonly<Record<string, string>> = {},
): OnnxFile {
  return exportOnnx(module as Module, {
    ...options,
    name,
    inputs,
    run,
    probes,
    taps,
    descriptions: { ...descriptions, ...more },
  });
}

/**
 * A classifier after supervised training: `pixel_values` [batch C H W] -> `logits` [batch classes]; `labels` in the metadata are their
 * names, in order.
 */
export function classifierOnnx({ config, model, step }: Judge, options: ModelOnnxOptions = {}): OnnxFile {
  const { encoder } = model;
  const [height, width] = encoder.imageSize;
  const view = judgingView(config.augmentation, encoder.imageSize);
  return exportOnnx(model, {
    precision: options.precision ?? "fp32",
    producer: { version: lacunaVersion() },
    metadata: {
      preprocessing: JSON.stringify(preprocessing(config, view)),
      model: JSON.stringify(config.model),
      labels: JSON.stringify(config.classes ?? []),
      step: String(step),
      license: options.license ?? unlicensed,
    },
    name: "classifier",
    inputs: [{ name: "pixel_values", shape: ["batch", encoder.channels, height, width], dtype: "float32" }],
    run: (image) => ({ logits: model.call(image as Tensor) }),
    probes: { batch: [2, 3, 5] },
    taps: taps(encoder, "encoder.", options),
    descriptions: {
      pixel_values: "pictures, normalised as the metadata's preprocessing says",
      logits: "one number for each class, in the order of the metadata's labels; their softmax are shares",
    },
  });
}

/** Outputs that are read out of the middle. @throws ConfigError for a layer that is not there, or has no attention */
function taps(encoder: Encoder, prefix: string, { layers = [], attention = [] }: ModelOnnxOptions): Tap[] {
  const pathOf = (paths: readonly string[], index: number, what: string): { i: number; module: string } => {
    const i = index < 0 ? index + paths.length : index;
    const path = paths[i];
    if (path !== undefined) return { i, module: `${prefix}${path}` };
    throw new ConfigError({
      problem: `there is no ${what} ${index}.`,
      code: "layer",
      path: "layers",
      expected: paths.length === 0 ? "a model that has some" : `0 to ${paths.length - 1}, or -${paths.length} to -1`,
      actual: index,
    });
  };
  const blocks = layers.map((index) => pathOf(encoder.layerPaths, index, "block"));
  const heads = attention.map((index) => pathOf(encoder.attentionPaths ?? [], index, "block"));
  return [
    ...blocks.map(({ i, module }) => ({ name: `hidden_states.${i}`, module })),
    ...heads.map(({ i, module }) => ({ name: `attentions.${i}`, module, op: "softmax.int" as const })),
  ];
}

/** What a file says of how a picture becomes its input. */
export interface Preprocessing {
  readonly layout: "NCHW";
  readonly channels: number;
  readonly resizeShorterSide: number | readonly [number, number];
  readonly resample: string;
  readonly centerCrop: readonly [number, number];
  readonly rescale: number;
  /** Of each channel, of pixels from 0 to 1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** How a picture becomes the file's input: what evaluation does. @param view resizing and cropping, where it is not plain */
export function preprocessing({ data }: Pick<RunConfig, "data">, view: Transform = []): Preprocessing {
  const { imageSize: side } = data;
  const size = typeof side === "number" ? ([side, side] as const) : side;
  const resize = view.find((step) => step.type === "resize");
  return {
    layout: "NCHW",
    channels: data.channels,
    resizeShorterSide: resize?.size ?? Math.max(...size),
    resample: "bicubic, antialiased",
    centerCrop: size,
    rescale: 1 / 255,
    mean: data.mean,
    std: data.std,
  };
}

type Common = Pick<OnnxOptions, "precision" | "metadata" | "producer">;

function common(config: LoadedConfig, step: number, { precision, license }: ModelOnnxOptions, note?: string): Common {
  const { model, method } = config;
  return {
    precision: precision ?? "fp32",
    producer: { version: lacunaVersion() },
    metadata: {
      preprocessing: JSON.stringify(preprocessing(config)),
      model: JSON.stringify(model),
      ...(method && { method: JSON.stringify(method) }),
      step: String(step),
      license: license ?? unlicensed,
      ...(note === undefined ? {} : { note }),
    },
  };
}
