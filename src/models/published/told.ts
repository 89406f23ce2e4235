/** What a file says of a model besides its tensors: configurations beside it or inside it. */
import { CheckpointError } from "../../engine/errors.js";
import type { Size } from "../../nn/patches.js";
import { pair } from "../../nn/patches.js";
import { isVitSize, vitSizes } from "../vit.js";
import type { TensorFile } from "./files.js";
import type { ShapeHints } from "./shape.js";

/** What pre-training was told, as far as a layout holds it. */
export interface Pretraining {
  readonly maskRatio?: number | undefined;
  readonly normalizeTargets?: boolean | undefined;
}

/** How pictures become numbers. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface Told {
  readonly hints: ShapeHints;
  readonly pretraining: Pretraining;
  readonly normalization: Normalization | undefined;
  readonly classes: readonly string[] | undefined;
  readonly assumed: readonly string[];
  readonly config: Readonly<Record<string, unknown>> | undefined;
}

type Json = Readonly<Record<string, unknown>>;

const objectAt = (json: Json | undefined, key: string): Json => {
  const value = json?.[key];
  return typeof value === "object" && value !== null ? (value as Json) : {};
};
const numberAt = (json: Json, key: string): number | undefined =>
  typeof json[key] === "number" ? (json[key] as number) : undefined;
const sizeOf = (value: unknown): Size | undefined => {
  const sides = typeof value === "number" ? [value, value] : value;
  const isPair =
    Array.isArray(sides) && sides.length === 2 && sides.every((side) => Number.isInteger(side) && side > 0);
  return isPair ? pair(sides as unknown as Size) : undefined;
};
const numbers = (value: unknown): readonly number[] | undefined =>
  Array.isArray(value) && value.every((item) => typeof item === "number") ? value : undefined;

const texts = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string") ? value : undefined;

/** A lacuna checkpoint holds the configuration of its run. */
export function toldByLacuna(file: TensorFile): Told {
  const config = parsed(file);
  const [model, data] = [objectAt(config, "model"), objectAt(config, "data")];
  const method = objectAt(config, "method");
  const [mean, std] = [numbers(data["mean"]), numbers(data["std"])];
  const named = model["size"];
  return {
    hints: {
      heads: numberAt(model, "heads") ?? (isVitSize(named) ? vitSizes[named].heads : undefined),
      decoderHeads: numberAt(objectAt(method, "decoder"), "heads"),
      imageSize: sizeOf(data["imageSize"]),
    },
    pretraining: {
      maskRatio: numberAt(method, "maskRatio"),
      normalizeTargets: typeof method["normalizeTargets"] === "boolean" ? method["normalizeTargets"] : undefined,
    },
    normalization: mean && std && { mean, std },
    classes: texts(config["classes"]),
    assumed: [],
    config,
  };
}

/** Why a decoder of ours is not the published one; undefined for one that is. */
export function unpublishedDecoder(file: TensorFile): string | undefined {
  const method = objectAt(parsed(file), "method");
  const target = method["target"] ?? "pixels";
  if (target !== "pixels") return `it predicts ${String(target)}`;
  return method["maskTokenInEncoder"] === true ? "the mask token stands in the encoder" : undefined;
}

function parsed(file: TensorFile): Json {
  try {
    return JSON.parse(file.metadata["config"] ?? "") as Json;
  } catch (cause) {
    throw new CheckpointError("the checkpoint has no configuration.", { code: "config", path: file.path, cause });
  }
}

/** What JSON files beside the weights say, and the options of the official script. */
export function toldBeside(file: TensorFile): Told {
  const config = file.json("config.json") ?? {};
  const timm = objectAt(config, "pretrained_cfg");
  const processor = file.json("preprocessor_config.json") ?? {};
  const [mean, std] = [
    numbers(processor["image_mean"] ?? timm["mean"]),
    numbers(processor["image_std"] ?? timm["std"]),
  ];
  const epsilon = numberAt(config, "layer_norm_eps");
  const assumed = [
    ...(epsilon === undefined || epsilon === 1e-6 ? [] : [`layer norm ε 1e-6, where config.json says ${epsilon}`]),
    ...(mean === undefined ? ["pictures normalised by ImageNet's mean and deviation"] : []),
  ];
  checkConfig(file.path, config);
  const option = (name: string): unknown => file.options.get(name);
  const [norm, ratio] = [
    config["norm_pix_loss"] ?? option("norm_pix_loss"),
    config["mask_ratio"] ?? option("mask_ratio"),
  ];
  return {
    hints: {
      heads: numberAt(config, "num_attention_heads"),
      decoderHeads: numberAt(config, "decoder_num_attention_heads"),
      imageSize: sizeOf(config["image_size"]) ?? sizeOf(option("input_size")),
    },
    pretraining: {
      maskRatio: typeof ratio === "number" ? ratio : undefined,
      normalizeTargets: typeof norm === "boolean" ? norm : undefined,
    },
    normalization: mean && std && { mean, std },
    classes: texts(Object.values(objectAt(config, "id2label"))),
    assumed,
    config: undefined,
  };
}

/** What transformers can be told to compute otherwise. */
function checkConfig(path: string, config: Json): void {
  const wanted = { hidden_act: "gelu", qkv_bias: true };
  for (const [key, value] of Object.entries(wanted)) {
    if (config[key] === undefined || config[key] === value) continue;
    throw new CheckpointError(`config.json says ${key} ${JSON.stringify(config[key])}; this ViT has ${value}.`, {
      code: "config",
      path,
      expected: value,
      actual: config[key],
    });
  }
}
