/** Files with tensors in them, whatever the format: one way to list, describe and read what they hold. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { CheckpointError } from "../../engine/errors.js";
import { weightsFormat } from "../../formats/content.js";
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
  /** What stood before each name and was left off: `module.`, `backbone.`; usually nothing. */
  readonly prefix: string;
  /** JSON files beside it in its folder: config.json, preprocessor_config.json. */
  json(name: string): Readonly<Record<string, unknown>> | undefined;
}

/**
 * Opens a file of safetensors or torch.save, whatever its name, or a folder as Hugging Face lays it out (config.json beside
 * the weights, in one file or in parts). @throws FormatError, CheckpointError
 */
export function openTensors(path: string): TensorFile {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return openOne(path, () => undefined);
  const json = (name: string) => readJson(join(path, name));
  const index = json("model.safetensors.index.json");
  if (index !== undefined) return joined(path, partsOf(index, path), json);
  const found = ["model.safetensors", "pytorch_model.bin"].find((name) => existsSync(join(path, name)));
  if (found !== undefined) return openOne(join(path, found), json);
  throw new CheckpointError({
    problem: "there are no weights in the folder.",
    code: "no-checkpoint",
    path,
    expected: "model.safetensors or pytorch_model.bin, or a run of lacuna",
    actual: "neither",
    remedy: "Give the folder that holds them, or the file itself.",
  });
}

function readJson(path: string): Readonly<Record<string, unknown>> | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw noJson("the file is not JSON.", path, "other text", cause);
  }
  throw noJson("the file holds no JSON object.", path, "another value");
}

function noJson(problem: string, path: string, actual: string, cause?: unknown): CheckpointError {
  const remedy = "Copy or download it again.";
  return new CheckpointError({ problem, code: "json", path, expected: "a JSON object", actual, remedy, cause });
}

function partsOf(index: Readonly<Record<string, unknown>>, path: string): string[] {
  const files = [...new Set(Object.values((index["weight_map"] ?? {}) as object))];
  const bad = files.find((file) => typeof file !== "string" || basename(file) !== file);
  if (files.length > 0 && bad === undefined) return files as string[];
  throw new CheckpointError({
    problem: "model.safetensors.index.json names no files of its own folder.",
    code: "json",
    path,
    expected: "names of files beside it",
    actual: bad ?? "none",
    remedy: "Copy or download the folder again.",
  });
}

type Json = TensorFile["json"];

function joined(path: string, parts: readonly string[], json: Json): TensorFile {
  const files: TensorFile[] = [];
  const close = (): void => {
    for (const file of files) file[Symbol.dispose]();
  };
  try {
    for (const part of parts) files.push(openOne(join(path, part), json));
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
  return weightsFormat(path) === "torch" ? openTorch(path, json) : openSafetensors(path, json);
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
    prefix: "",
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
      prefix: "",
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

/** What scripts name two networks that they save side by side (DINO). */
const networkKeys = ["student", "teacher"];

function modelIn(content: PickleValue, path: string) {
  const top = content instanceof Map ? content : new Map<PickleValue, PickleValue>();
  const key = modelKeys.find((name) => top.get(name) instanceof Map);
  if (key === undefined && networkKeys.some((name) => top.get(name) instanceof Map)) return networksIn(top);
  const found = key === undefined ? top : (top.get(key) as Map<PickleValue, PickleValue>);
  const model = new Map<string, TorchTensor>();
  for (const [name, value] of found) {
    if (typeof name === "string" && value instanceof TorchTensor) model.set(name, value);
  }
  if (model.size === 0) {
    const names = [...top.keys()].map(String);
    const holds = names.length === 0 ? "nothing with names" : someOf(names);
    const expected = `a dictionary of tensors, at the top or under ${modelKeys.join(", ")}`;
    const sentence = `there is no model in it: expected ${expected}, got ${holds}.`;
    throw new CheckpointError({ problem: sentence, code: "no-model", path, expected, actual: names.slice(0, 8) });
  }
  const besides = key === undefined ? [] : [...top.keys()].filter((name) => name !== key).map(String);
  return { model, besides, options: optionsIn(top) };
}

type Dictionary = ReadonlyMap<PickleValue, PickleValue>;

function optionsIn(top: Dictionary): ReadonlyMap<unknown, unknown> {
  const args = top.get("args");
  return args instanceof Namespace ? args.fields : new Map();
}

/** Tensors of all dictionaries, each behind the dictionary's name: `student.module.head.…`. */
function networksIn(top: Dictionary) {
  const model = new Map<string, TorchTensor>();
  const besides: string[] = [];
  for (const [table, values] of top) {
    const found = values instanceof Map ? [...values].filter(([, value]) => value instanceof TorchTensor) : [];
    for (const [name, value] of found) model.set(`${String(table)}.${String(name)}`, value as TorchTensor);
    if (found.length === 0) besides.push(String(table));
  }
  return { model, besides, options: optionsIn(top) };
}

/** Some names for a message, and how many there are. */
export function someOf(names: readonly string[], most = 6): string {
  const some = names.slice(0, most).map((name) => (name.length > 60 ? `${name.slice(0, 60)}…` : name));
  return names.length <= most ? some.join(", ") : `${some.join(", ")}, … (${names.length} in all)`;
}

/**
 * The file as if its names began with the model's own: what stands before them is left off.
 * @param anchors patterns of names that a model has once @throws CheckpointError where there are several models
 */
export function withoutPrefix(file: TensorFile, anchors: readonly string[]): TensorFile {
  const prefix = prefixOf(file, anchors);
  if (prefix === "") return file;
  const [inside, outside] = [true, false].map((is) => file.names.filter((name) => name.startsWith(prefix) === is));
  const left = outside as string[];
  const count = `${left.length} tensor${left.length === 1 ? "" : "s"}`;
  return {
    ...file,
    prefix,
    names: (inside as string[]).map((name) => name.slice(prefix.length)),
    entry: (name) => file.entry(prefix + name),
    read: (name) => file.read(prefix + name),
    besides: [...file.besides, ...(left.length > 0 ? [`${count} outside ${prefix} (${someOf(left, 3)})`] : [])],
  };
}

/** What training scripts put before the names of a whole model: data-parallel and compiled models, wrappers, backbones. */
const wrappers = /^(?:(?:module|_orig_mod|model|backbone|encoder)\.)+/;

/** What stands before the name that anchors a model; without one, the words of wrapping that all names share. */
function prefixOf({ names, path }: TensorFile, anchors: readonly string[]): string {
  const anchor = new RegExp(`^(.*?\\.)??(?:${anchors.join("|")})$`);
  const found = names.flatMap((name) => {
    const match = anchor.exec(name);
    return match === null || /decoder|predictor/.test(name) ? [] : [match[1] ?? ""];
  });
  const prefixes = [...new Set(found)];
  if (prefixes.length > 1 && !prefixes.includes("")) throw severalModels(path, prefixes);
  if (prefixes.length > 0) return prefixes.includes("") ? "" : (prefixes[0] as string);
  const shared = wrappers.exec(names[0] ?? "")?.[0] ?? "";
  return names.every((name) => name.startsWith(shared)) ? shared : "";
}

function severalModels(path: string, prefixes: readonly string[]): CheckpointError {
  return new CheckpointError({
    problem: `several models are in it, under ${prefixes.join(" and ")}: which one is meant does not show.`,
    code: "several-models",
    path,
    expected: "one model",
    actual: prefixes,
    remedy: "Save the one that is meant alone: a dictionary of its tensors, without what stands before the names.",
  });
}
