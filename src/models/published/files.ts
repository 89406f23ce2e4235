/** Files with tensors in them, whatever the format: one way to list, describe and read what they hold. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { CheckpointError } from "../../engine/errors.js";
import type { Dtype, RawTensor } from "../../formats/dtype.js";
import { SafetensorsFile } from "../../formats/safetensors.js";
import { Namespace, type PickleValue, TorchFile, TorchTensor } from "../../formats/torch-pickle.js";

export interface TensorFile extends Disposable {
  readonly path: string;
  /** The files that hold the weights. */
  readonly files: readonly string[];
  readonly format: "safetensors" | "torch";
  readonly names: readonly string[];
  entry(name: string): { readonly dtype: Dtype; readonly shape: readonly number[] };
  read(name: string): RawTensor;
  /** `__metadata__` of a safetensors file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Options of the script that trained it, where the file holds them. */
  readonly options: ReadonlyMap<unknown, unknown>;
  /** What the file holds besides the model. */
  readonly besides: readonly string[];
  /** JSON files beside it in its folder: config.json, preprocessor_config.json. */
  json(name: string): Readonly<Record<string, unknown>> | undefined;
}

/**
 * Opens a .safetensors or .pth file, or a folder as Hugging Face lays it out (config.json beside the weights, in one
 * file or in parts). @throws FormatError, CheckpointError
 */
export function openTensors(path: string): TensorFile {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return openOne(path, () => undefined);
  const json = (name: string) => readJson(join(path, name));
  const index = json("model.safetensors.index.json");
  if (index !== undefined) return joined(path, partsOf(index, path), json);
  const found = ["model.safetensors", "pytorch_model.bin"].find((name) => existsSync(join(path, name)));
  if (found !== undefined) return openOne(join(path, found), json);
  throw new CheckpointError("there are no weights in the folder.", {
    code: "no-checkpoint",
    path,
    expected: "model.safetensors or pytorch_model.bin, or a run of lacuna",
    remedy: "Give the folder that holds them, or the file itself.",
  });
}

function readJson(path: string): Readonly<Record<string, unknown>> | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new CheckpointError("the file is not JSON.", { code: "json", path, cause });
  }
  throw new CheckpointError("the file holds no JSON object.", { code: "json", path });
}

function partsOf(index: Readonly<Record<string, unknown>>, path: string): string[] {
  const files = [...new Set(Object.values((index["weight_map"] ?? {}) as object))];
  const bad = files.find((file) => typeof file !== "string" || basename(file) !== file);
  if (files.length > 0 && bad === undefined) return files as string[];
  const sentence = "model.safetensors.index.json names no files of its own folder.";
  throw new CheckpointError(sentence, { code: "json", path, actual: bad ?? "none" });
}

type Json = TensorFile["json"];

function joined(path: string, parts: readonly string[], json: Json): TensorFile {
  const files: TensorFile[] = [];
  const close = (): void => {
    for (const file of files) file[Symbol.dispose]();
  };
  try {
    for (const part of parts) files.push(openSafetensors(join(path, part), json));
  } catch (error) {
    close();
    throw error;
  }
  const home = new Map(files.flatMap((file) => file.names.map((name) => [name, file] as const)));
  const at = (name: string): TensorFile => home.get(name) ?? (files[0] as TensorFile);
  return {
    ...(files[0] as TensorFile),
    path,
    files: parts.map((part) => join(path, part)),
    names: [...home.keys()],
    entry: (name) => at(name).entry(name),
    read: (name) => at(name).read(name),
    [Symbol.dispose]: close,
  };
}

function openOne(path: string, json: Json): TensorFile {
  return /\.(pth|pt|bin|tar|ckpt)$/i.test(path) ? openTorch(path, json) : openSafetensors(path, json);
}

function openSafetensors(path: string, json: Json): TensorFile {
  const file = SafetensorsFile.open(path);
  return {
    path,
    files: [path],
    format: "safetensors",
    names: file.names,
    entry: (name) => file.entry(name),
    read: (name) => file.read(name),
    metadata: file.metadata ?? {},
    options: new Map(),
    besides: [],
    json,
    [Symbol.dispose]: () => file.close(),
  };
}

function openTorch(path: string, json: Json): TensorFile {
  const file = TorchFile.open(path);
  try {
    const { model, besides, options } = modelIn(file.content, path);
    const entry = (name: string): TorchTensor => model.get(name) as TorchTensor;
    return {
      path,
      files: [path],
      format: "torch",
      names: [...model.keys()],
      entry,
      read: (name) => file.read(entry(name)),
      metadata: {},
      options,
      besides,
      json,
      [Symbol.dispose]: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Where scripts keep the model among what they save: facebookresearch and DeiT, timm and MoCo, DeepSpeed. */
const modelKeys = ["model", "state_dict", "module"];

function modelIn(content: PickleValue, path: string) {
  const top = content instanceof Map ? content : new Map<PickleValue, PickleValue>();
  const key = modelKeys.find((name) => top.get(name) instanceof Map);
  const found = key === undefined ? top : (top.get(key) as Map<PickleValue, PickleValue>);
  const model = new Map<string, TorchTensor>();
  for (const [name, value] of found) {
    if (typeof name === "string" && value instanceof TorchTensor) model.set(withoutWrapper(name), value);
  }
  if (model.size === 0) {
    throw new CheckpointError("there is no model in it.", {
      code: "no-model",
      path,
      expected: `a dictionary of tensors, at the top or under ${modelKeys.join(", ")}`,
      actual: [...top.keys()].slice(0, 8).map(String),
    });
  }
  const besides = key === undefined ? [] : [...top.keys()].filter((name) => name !== key).map(String);
  const args = top.get("args");
  return { model, besides, options: args instanceof Namespace ? args.fields : new Map() };
}

/** Data-parallel and compiled models put a word before each name. */
function withoutWrapper(name: string): string {
  return name.replace(/^(?:module\.|_orig_mod\.)+/, "");
}
