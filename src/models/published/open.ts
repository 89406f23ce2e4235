/** Opens a checkpoint of any layout that is read, and shows its tensors under the official names. */
import { CheckpointError } from "../../engine/errors.js";
import { type Dtype, elementBytes, type RawTensor } from "../../formats/dtype.js";
import type { WeightSource } from "../weights.js";
import { openTensors, someOf, type TensorFile } from "./files.js";
import { fromHuggingFace, type NamedAs, partOf } from "./names.js";
import { inferShape, type PublishedShape, type ShapeHints } from "./shape.js";
import { type Normalization, type Pretraining, toldBeside, toldByLacuna, unpublishedDecoder } from "./told.js";

/**
 * `official`: names of facebookresearch/mae in a file of torch.save. `timm`: the same names in safetensors. `hf-…`: a folder
 * of transformers. `lacuna`: a checkpoint of a run.
 */
export type Layout = "official" | "timm" | "hf-vitmae" | "hf-vit" | "lacuna";

/** Tensors by name, with their types. */
export interface PublishedWeights extends WeightSource {
  entry(name: string): { readonly dtype: Dtype; readonly shape: readonly number[] };
}

/** A model from a file, whoever wrote it. Close it. */
export interface Published extends Disposable {
  readonly path: string;
  /** The files that hold the weights. */
  readonly files: readonly string[];
  readonly layout: Layout;
  readonly shape: PublishedShape;
  /** Whether the encoder's number of heads is known, which shapes do not show. */
  readonly headsAreTold: boolean;
  readonly pretraining: Pretraining;
  /** Undefined where nothing beside the weights says it. */
  readonly normalization: Normalization | undefined;
  /** Names of the head's classes, where the file has them. */
  readonly classes: readonly string[] | undefined;
  /** Its tensors under the official names, bit for bit; an `attn.qkv` may be three of the file's. */
  readonly weights: PublishedWeights;
  /** What had to be assumed. */
  readonly assumed: readonly string[];
  /** What is in the file and is not read, with the reason. */
  readonly dropped: readonly string[];
  /** A lacuna checkpoint's configuration. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Opens a .pth or .safetensors file, or a folder of transformers; the layout shows in the names. Sizes come from the shapes.
 * @param hints what the file does not tell; they win over what it does
 * @throws FormatError, CheckpointError naming what is missing, surplus or of another shape
 */
export function openPublished(path: string, hints: ShapeHints = {}): Published {
  const file = openTensors(path);
  try {
    return describe(file, hints);
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

function describe(file: TensorFile, hints: ShapeHints): Published {
  const layout = layoutOf(file);
  const { named, dropped } = layout.startsWith("hf-") ? huggingFaceNames(file) : officialNames(file, layout);
  const weights = viewOf(file, named);
  const told = layout === "lacuna" ? toldByLacuna(file) : toldBeside(file);
  const { shape, assumed, headsAreTold } = inferShape(weights, { ...told.hints, ...withoutUndefined(hints) });
  const besides = file.besides.map((name) => `${name}: not the model`);
  return {
    path: file.path,
    files: file.files,
    layout,
    shape,
    headsAreTold,
    pretraining: told.pretraining,
    normalization: told.normalization,
    classes: told.classes,
    weights,
    assumed: [...prefixNote(file), ...assumed, ...told.assumed],
    dropped: [...dropped, ...besides],
    config: told.config,
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
}

function prefixNote({ prefix }: TensorFile): string[] {
  return prefix === "" ? [] : [`the model is what stands under ${prefix} in the file`];
}

function withoutUndefined(hints: ShapeHints): ShapeHints {
  return Object.fromEntries(Object.entries(hints).filter(([, value]) => value !== undefined));
}

function layoutOf(file: TensorFile): Layout {
  if (file.metadata["format"] === "lacuna-checkpoint") return "lacuna";
  const isHuggingFace = file.names.some((name) => /(^|\.)embeddings\.cls_token$/.test(name));
  if (isHuggingFace)
    return file.json("config.json")?.["model_type"] === "vit_mae" || hasDecoder(file) ? "hf-vitmae" : "hf-vit";
  if (file.names.includes("cls_token")) return file.format === "torch" ? "official" : "timm";
  const sentence = `the names in it are those of no known ViT: ${someOf(file.names) || "there are none"}.`;
  throw new CheckpointError(sentence, {
    code: "layout",
    path: file.path,
    expected: "cls_token, vit.embeddings.cls_token or model/cls_token",
    actual: file.names.slice(0, 6),
    remedy: "Checkpoints of MAE, timm's ViT, transformers' ViTMAE and ViT, and of lacuna are read.",
  });
}

const hasDecoder = ({ names }: TensorFile): boolean => names.some((name) => name.startsWith("decoder."));

interface Named {
  readonly named: ReadonlyMap<string, NamedAs>;
  readonly dropped: string[];
}

/** Parts of other ViTs without which the numbers would be others. */
const foreign: readonly (readonly [RegExp, string])[] = [
  [/\.(?:ls[12]\.gamma|gamma_[12])$/, "layer scale"],
  [/\.attn\.[qk]_norm\./, "normalised queries and keys"],
  [/^(?:dist_token|head_dist)/, "a distillation token"],
  [/^reg_token/, "register tokens"],
  [/^norm_pre\./, "a norm before the blocks"],
  [/rel(?:ative)?_pos/, "relative positions"],
];

function officialNames(file: TensorFile, layout: Layout): Named {
  const prefix = layout === "lacuna" ? "model/" : "";
  const ownDecoder = layout === "lacuna" ? unpublishedDecoder(file) : undefined;
  const named = new Map<string, NamedAs>();
  const dropped: string[] = [];
  for (const name of file.names) {
    if (!name.startsWith(prefix)) continue; // the optimiser's
    const full = name.slice(prefix.length);
    const ours = layout === "lacuna" ? full.replace(/^encoder\./, "") : full; // methods with several parts keep it below
    const part = partOf(ours);
    if (part === "decoder" && ownDecoder !== undefined) continue;
    if (part !== undefined) named.set(ours, name);
    else if (/^head\.\d+\./.test(ours)) dropped.push(`${ours}: the head of a linear probe`);
    else if (layout === "lacuna") dropped.push(`${ours}: the method's own`);
    else throw unknownName(file.path, name);
  }
  if (ownDecoder !== undefined) dropped.push(`decoder: ${ownDecoder}, which no other layout knows`);
  if (layout === "lacuna" && file.names.some((name) => name.startsWith("optimizer/")))
    dropped.push("optimizer: not the model");
  return { named, dropped };
}

function unknownName(path: string, name: string): CheckpointError {
  const known = foreign.find(([pattern]) => pattern.test(name));
  const what = known === undefined ? "" : `: ${known[1]}, which this ViT does not have`;
  const remedy = "Leaving it out would change what the model computes.";
  return new CheckpointError(`a tensor ${name} is not known${what}.`, { code: "names", path, actual: name, remedy });
}

/** Tensors of Hugging Face that no feature depends on. */
const unused: Readonly<Record<string, string>> = {
  "pooler.dense.weight": "the pooler, on top of the features",
  "pooler.dense.bias": "the pooler, on top of the features",
  "embeddings.mask_token": "the mask token of masked-image models, unused without a mask",
  "embeddings.position_ids": "0, 1, 2, …",
};

function huggingFaceNames(file: TensorFile): Named {
  const named = new Map<string, NamedAs>();
  const parts = new Map<string, (string | undefined)[]>();
  const dropped: string[] = [];
  for (const name of file.names) {
    const reason = unused[name.replace(/^vit\./, "")];
    const found = fromHuggingFace(name);
    if (reason !== undefined) dropped.push(`${name}: ${reason}`);
    else if (found === undefined) throw unknownName(file.path, name);
    else if (found.place === undefined) named.set(found.ours, name);
    else {
      const three = parts.get(found.ours) ?? [undefined, undefined, undefined];
      three[found.place] = name;
      parts.set(found.ours, three);
    }
  }
  for (const [ours, three] of parts) {
    if (three.includes(undefined)) {
      const sentence = `${ours} needs query, key and value, the file has ${three.filter(Boolean).join(", ")}.`;
      throw new CheckpointError(sentence, { code: "names", path: file.path, actual: three });
    }
    named.set(ours, three as unknown as NamedAs);
  }
  return { named, dropped };
}

/** The file's tensors under other names; three become one by putting their rows under one another. */
function viewOf(file: TensorFile, named: ReadonlyMap<string, NamedAs>): PublishedWeights {
  const at = (name: string): readonly string[] => {
    const found = named.get(name) ?? name;
    return typeof found === "string" ? [found] : found;
  };
  return {
    path: file.path,
    names: [...named.keys()],
    entry: (name) => {
      const entries = at(name).map((own) => file.entry(own));
      const [first] = entries;
      if (first === undefined || entries.length === 1) return first ?? file.entry(name);
      const same = entries.every(({ dtype, shape }) => dtype === first.dtype && String(shape) === String(first.shape));
      if (!same)
        throw new CheckpointError(`the parts of ${name} differ in type or shape.`, { code: "shape", path: file.path });
      return { dtype: first.dtype, shape: [entries.length * (first.shape[0] ?? 0), ...first.shape.slice(1)] };
    },
    read: (name) => joined(at(name).map((own) => file.read(own))),
  };
}

function joined(parts: readonly RawTensor[]): RawTensor {
  const [first] = parts;
  if (first === undefined || parts.length === 1) return first as RawTensor;
  const shape = [parts.length * (first.shape[0] ?? 0), ...first.shape.slice(1)];
  const bytes = shape.reduce((product, side) => product * side, elementBytes[first.dtype]);
  const data = new Uint8Array(bytes);
  let position = 0;
  for (const part of parts) {
    data.set(part.data, position);
    position += part.data.byteLength;
  }
  return { dtype: first.dtype, shape, data };
}
