/** What a file says of a model besides its tensors: JSON files beside it, options of the script that trained it. */
import { CheckpointError } from "../../engine/errors.js";
import { pair, type Size } from "../../nn/patches.js";
import type { TensorFile } from "./files.js";

/** How pictures become numbers. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** ImageNet's, as nearly every published model was trained with. */
export const usualNormalization: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

type Json = Readonly<Record<string, unknown>>;

const objectAt = (json: Json | undefined, key: string): Json => {
  const value = json?.[key];
  return typeof value === "object" && value !== null ? (value as Json) : {};
};
const numbers = (value: unknown): readonly number[] | undefined =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "number") ? value : undefined;
const texts = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string") ? value : undefined;

/** A number of config.json. */
export function numberTold(file: TensorFile, key: string): number | undefined {
  const value = configOf(file)[key];
  return typeof value === "number" ? value : undefined;
}

/** config.json beside the weights; empty where there is none. */
function configOf(file: TensorFile): Json {
  return file.json("config.json") ?? {};
}

/** A value of config.json, or an option of the script that trained it. */
export function toldOrOption(file: TensorFile, key: string): unknown {
  return configOf(file)[key] ?? file.options.get(key);
}

/** The size of the pictures: transformers', timm's, or an option of the official scripts. */
export function imageSizeTold(file: TensorFile): Size | undefined {
  const config = configOf(file);
  const input = objectAt(config, "pretrained_cfg")["input_size"]; // channels first
  return (
    sizeOf(config["image_size"]) ??
    sizeOf(Array.isArray(input) ? input.slice(1) : undefined) ??
    sizeOf(file.options.get("input_size"))
  );
}

function sizeOf(value: unknown): Size | undefined {
  const sides = typeof value === "number" ? [value, value] : value;
  const isPair =
    Array.isArray(sides) && sides.length === 2 && sides.every((side) => Number.isInteger(side) && side > 0);
  return isPair ? pair(sides as [number, number]) : undefined;
}

/** By the processor of transformers or timm's configuration. */
export function normalizationTold(file: TensorFile): Normalization | undefined {
  const processor = file.json("preprocessor_config.json") ?? {};
  const timm = objectAt(configOf(file), "pretrained_cfg");
  const [mean, std] = [
    numbers(processor["image_mean"] ?? timm["mean"]),
    numbers(processor["image_std"] ?? timm["std"]),
  ];
  return mean && std && { mean, std };
}

/** Names of the classes, in the order of the logits. */
export function classesTold(file: TensorFile): readonly string[] | undefined {
  const config = configOf(file);
  return texts(Object.values(objectAt(config, "id2label"))) ?? texts(objectAt(config, "pretrained_cfg")["label_names"]);
}

/** What is computed with another ε than the file asks for. */
export function epsilonNote(file: TensorFile): string[] {
  const epsilon = numberTold(file, "layer_norm_eps");
  return epsilon === undefined || epsilon === 1e-6 ? [] : [`layer norm ε 1e-6, where config.json says ${epsilon}`];
}

/** What transformers can be told to compute otherwise. @throws CheckpointError for a value that is not the wanted one */
export function checkTold(file: TensorFile, wanted: Json): void {
  const config = configOf(file);
  for (const [key, value] of Object.entries(wanted)) {
    if (config[key] === undefined || config[key] === value) continue;
    throw new CheckpointError({
      problem: `config.json says ${key} ${JSON.stringify(config[key])}; this model has ${value}.`,
      code: "config",
      path: file.path,
      expected: value,
      actual: config[key],
    });
  }
}
