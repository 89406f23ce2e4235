/** What a run learned, as ONNX files: the encoder, the whole masked autoencoder with its mask as an input, or a classifier. */

import type { Transform } from "../data/views.js";
import { ConfigError } from "../engine/errors.js";
import { judgingView } from "../finetune/augmentation.js";
import type { Classifier } from "../finetune/classifier.js";
import type { FinetuneConfig } from "../finetune/config.js";
import { exportOnnx, type OnnxFile, type OnnxOptions, type Tap } from "../graph/onnx/export.js";
import type { Precision } from "../graph/onnx/graph.js";
import type { Vit } from "../models/vit.js";
import type { Tensor } from "../tensor/tensor.js";
import type { LoadedModel } from "../train/checkpoints/load.js";
import type { RunConfig } from "../train/config.js";
import { lacunaVersion } from "../train/loop/environment.js";

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

type Trained = Pick<LoadedModel, "config" | "encoder" | "method" | "step">;

/**
 * The encoder: `pixel_values` [batch C H W], normalised -> `last_hidden_state` [batch 1+N D], class token first, after the final
 * norm; `pooler_output` [batch D], the mean of its patch tokens. Names are Hugging Face's.
 */
export function encoderOnnx({ config, encoder, step }: Trained, options: ModelOnnxOptions = {}): OnnxFile {
  const [height, width] = encoder.imageSize;
  return exportOnnx(encoder, {
    ...common(config, step, options),
    name: "encoder",
    inputs: [{ name: "pixel_values", shape: ["batch", encoder.channels, height, width], dtype: "float32" }],
    run: (image) => {
      const tokens = encoder.call(image as Tensor); // [B 1+N D]
      return { last_hidden_state: tokens, pooler_output: tokens.slice(1, 1).mean([1]) };
    },
    probes: { batch: [2, 3, 5] },
    taps: taps(encoder, "", options),
    descriptions: {
      pixel_values: "pictures, normalised as the metadata's preprocessing says",
      last_hidden_state: "tokens after the final norm, class token first",
      pooler_output: "mean of the patch tokens",
    },
  });
}

/**
 * The whole masked autoencoder, for any mask: `image` [batch C H W], normalised; `ids_keep` [batch kept] int64, the visible patches;
 * `ids_restore` [batch N] int64, the place of each patch in the order visible, then hidden ->
 * `prediction` [batch N P], `rebuilt` [batch C H W], `features` [batch D], `attention` [batch H 1+kept 1+kept].
 * @throws ConfigError for a method that does not fill in pictures
 */
export function autoencoderOnnx({ config, encoder, method, step }: Trained, options: ModelOnnxOptions = {}): OnnxFile {
  if (method.fillIn === undefined)
    throw new ConfigError(`${config.method.name} does not fill in pictures.`, {
      code: "method",
      path: "method.name",
      expected: "a masked autoencoder",
      actual: config.method.name,
      remedy: "Export its encoder instead.",
    });
  const [height, width] = encoder.imageSize;
  const { patches } = encoder;
  return exportOnnx(method, {
    ...common(config, step, options, method.pictureNote?.()),
    name: "masked-autoencoder",
    inputs: [
      { name: "image", shape: ["batch", encoder.channels, height, width], dtype: "float32" },
      { name: "ids_keep", shape: ["batch", "kept"], dtype: "int64" },
      { name: "ids_restore", shape: ["batch", patches], dtype: "int64" },
    ],
    run: (image, visible, restore) => {
      const made = method.fillIn?.(image as Tensor, visible as Tensor, restore as Tensor);
      const { latent, prediction, rebuilt } = made as NonNullable<typeof made>;
      return { prediction, rebuilt, features: latent.slice(1, 1).mean([1]) };
    },
    probes: { batch: [2, 3, 5], kept: [1, Math.max(2, patches - 1), Math.max(2, Math.ceil(patches / 2))] },
    taps: [
      { name: "attention", module: `encoder.blocks.${encoder.blocks.links.length - 1}.attn`, op: "softmax.int" },
      ...taps(encoder, "encoder.", options),
    ],
    descriptions: {
      image: "pictures, normalised as the metadata's preprocessing says",
      ids_keep: "numbers of the visible patches, counted row by row",
      ids_restore: "for each patch its place in the order visible patches (as in ids_keep), then hidden ones",
      prediction:
        "every patch as the decoder predicts it, in image order; a patch's elements row by row, channels last",
      rebuilt: "visible patches as they were, hidden ones as predicted; normalised like the input",
      features: "mean of the encoder's tokens of the visible patches; with every patch visible the picture's features",
      attention: "softmax weights of the encoder's last block, class token first, then the visible patches",
    },
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

/** Outputs that are read out of the middle. */
function taps({ blocks }: Vit, prefix: string, { layers = [], attention = [] }: ModelOnnxOptions): Tap[] {
  const depth = blocks.links.length;
  const block = (index: number): number => {
    const counted = index < 0 ? index + depth : index;
    if (Number.isInteger(counted) && counted >= 0 && counted < depth) return counted;
    throw new ConfigError(`there is no block ${index}.`, {
      code: "layer",
      path: "layers",
      expected: `0 to ${depth - 1}, or -${depth} to -1`,
      actual: index,
    });
  };
  return [
    ...layers.map(block).map((i) => ({ name: `hidden_states.${i}`, module: `${prefix}blocks.${i}` })),
    ...attention
      .map(block)
      .map((i) => ({ name: `attentions.${i}`, module: `${prefix}blocks.${i}.attn`, op: "softmax.int" as const })),
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

function common(config: RunConfig, step: number, { precision, license }: ModelOnnxOptions, note?: string): Common {
  const { model, method } = config;
  return {
    precision: precision ?? "fp32",
    producer: { version: lacunaVersion() },
    metadata: {
      preprocessing: JSON.stringify(preprocessing(config)),
      model: JSON.stringify(model),
      method: JSON.stringify(method),
      step: String(step),
      license: license ?? unlicensed,
      ...(note === undefined ? {} : { note }),
    },
  };
}
