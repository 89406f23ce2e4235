/**
 * Names of a ViT's tensors. Ours are the official ones: facebookresearch/mae, timm and DeiT agree in them. Hugging Face has three
 * spellings of its own, and keeps query, key and value apart: all three are read, the hub's is written.
 */
import { CheckpointError } from "../../../engine/errors.js";
import type { TensorFile } from "../files.js";
import { unknownName } from "../layout.js";
import { type PublishedTensor, part as rowsOf, stacked, type Tensors, tensorIn } from "../tensors.js";

/** The tensor of a file, or the three whose rows one of ours consists of. */
export type NamedAs = string | readonly [query: string, key: string, value: string];

const block = String.raw`blocks\.\d+\.(?:norm1|norm2|attn\.qkv|attn\.proj|mlp\.fc1|mlp\.fc2)\.(?:weight|bias)`;
/** What a BEiT's block has besides. */
const beitBlock = String.raw`blocks\.\d+\.(?:gamma_[12]|attn\.(?:[qv]_bias|relative_position_bias_table))`;
const whole = (name: string): string => String.raw`${name}\.(?:weight|bias)`;
const encoder = new RegExp(
  `^(?:cls_token|pos_embed|rel_pos_bias\\.relative_position_bias_table|${whole(String.raw`patch_embed\.proj`)}|${block}|${beitBlock}|${whole("norm")})$`,
);
const decoder = new RegExp(
  `^(?:mask_token|decoder_pos_embed|${whole("decoder_(?:embed|norm|pred)")}|decoder_${block})$`,
);
const classifier = new RegExp(`^(?:${whole("fc_norm")}|${whole("head")})$`);

export type Part = "encoder" | "decoder" | "classifier";

/** Which part of a model an official name belongs to; undefined for a name that is none. */
export function partOf(name: string): Part | undefined {
  if (encoder.test(name)) return "encoder";
  if (decoder.test(name)) return "decoder";
  return classifier.test(name) ? "classifier" : undefined;
}

/** Where a BEiT keeps which row of its table tells of which two patches: it follows from the grid. */
function isRelativeIndex(name: string): boolean {
  return /(?:^|\.)relative_position_index$/.test(name);
}

/** The head of a linear probe, which no encoder has. */
export function isProbe(name: string): boolean {
  return /^head\.\d+\./.test(name);
}

/** Inside a block: the hub's spelling, that of transformers 5 in memory, ours. Query, key and value carry their place. */
const inner: readonly (readonly [hub: string, inMemory: string, ours: string, place?: 0 | 1 | 2])[] = [
  ["layernorm_before", "layernorm_before", "norm1"],
  ["layernorm_after", "layernorm_after", "norm2"],
  ["attention.attention.query", "attention.q_proj", "attn.qkv", 0],
  ["attention.attention.key", "attention.k_proj", "attn.qkv", 1],
  ["attention.attention.value", "attention.v_proj", "attn.qkv", 2],
  ["attention.output.dense", "attention.o_proj", "attn.proj"],
  ["intermediate.dense", "mlp.fc1", "mlp.fc1"],
  ["output.dense", "mlp.fc2", "mlp.fc2"],
];

/** Outside the blocks; a name that ends in a dot has a weight and a bias. */
const outer: readonly (readonly [hub: string, ours: string])[] = [
  ["embeddings.cls_token", "cls_token"],
  ["embeddings.position_embeddings", "pos_embed"],
  ["embeddings.patch_embeddings.projection.", "patch_embed.proj."],
  ["layernorm.", "norm."],
  ["classifier.", "head."],
  ["decoder.mask_token", "mask_token"],
  ["decoder.decoder_pos_embed", "decoder_pos_embed"],
  ["decoder.decoder_embed.", "decoder_embed."],
  ["decoder.decoder_norm.", "decoder_norm."],
  ["decoder.decoder_pred.", "decoder_pred."],
];

const layer =
  /^(encoder\.layer|layers|decoder\.decoder_layers|decoder\.decoder_encoder\.layer)\.(\d+)\.(.+)\.(weight|bias)$/;

/** Hugging Face's name -> ours, and which third of the rows it is; undefined for a name that is none. */
export function fromHuggingFace(name: string): { readonly ours: string; readonly place?: 0 | 1 | 2 } | undefined {
  const bare = name.replace(/^vit\./, "");
  const [, stack, index, inside, end] = layer.exec(bare) ?? [];
  if (stack !== undefined) {
    const row = inner.find(([hub, inMemory]) => inside === hub || inside === inMemory);
    if (row === undefined) return undefined;
    const [, , own, place] = row;
    const ours = `${stack.startsWith("decoder") ? "decoder_" : ""}blocks.${index}.${own}.${end}`;
    return place === undefined ? { ours } : { ours, place };
  }
  for (const [hub, ours] of outer) {
    if (hub === bare && !hub.endsWith(".")) return { ours };
    if (hub.endsWith(".") && (bare === `${hub}weight` || bare === `${hub}bias`))
      return { ours: ours + bare.slice(hub.length) };
  }
  return undefined;
}

/** Our name -> the hub's. @param prefix "vit." for a model with a decoder or a classifier on top, "" for a bare one */
export function toHuggingFace(name: string, prefix: string): NamedAs {
  const [, stack, index, inside, end] = /^(decoder_)?blocks\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? [];
  if (index !== undefined) {
    const before = stack === undefined ? `${prefix}encoder.layer` : "decoder.decoder_layers";
    const found = inner.filter(([, , own]) => own === inside).map(([hub]) => `${before}.${index}.${hub}.${end}`);
    return found.length === 3 ? (found as unknown as NamedAs) : (found[0] as string);
  }
  for (const [hub, ours] of outer) {
    const isTop = hub.startsWith("decoder.") || hub.startsWith("classifier.");
    if (name === ours || (ours.endsWith(".") && name.startsWith(ours)))
      return (isTop ? "" : prefix) + hub + name.slice(ours.length);
  }
  throw new CheckpointError({
    problem: `Hugging Face has no name for ${name}.`,
    code: "layout",
    path: name,
    expected: "a tensor of a ViT",
    actual: name,
    remedy: "Write it in another layout.",
  });
}

/** Tensors that no feature depends on. */
const unused: Readonly<Record<string, string>> = {
  "pooler.dense.weight": "the pooler, on top of the features",
  "pooler.dense.bias": "the pooler, on top of the features",
  "embeddings.mask_token": "the mask token of masked-image models, unused without a mask",
  "embeddings.position_ids": "0, 1, 2, …",
};

/** Parts of other ViTs without which the numbers would be others. */
const foreign: readonly (readonly [RegExp, string])[] = [
  [/\.ls[12]\.gamma$/, "layer scale"],
  [/\.attn\.[qk]_norm\./, "normalised queries and keys"],
  [/^(?:dist_token|head_dist)/, "a distillation token"],
  [/^reg_token/, "register tokens"],
  [/^norm_pre\./, "a norm before the blocks"],
  [/rel(?:ative)?_pos/, "relative positions"],
];

/** Tensors under our names, and what is left out, with the reason. */
export interface Renamed {
  readonly tensors: Tensors;
  readonly dropped: string[];
}

/** Of a file with the official names. @throws CheckpointError for a name that is none */
export function fromOfficialNames(file: TensorFile): Renamed {
  const tensors = new Map<string, PublishedTensor>();
  const dropped: string[] = [];
  for (const name of file.names) {
    const part = partOf(name);
    if (isRelativeIndex(name)) continue;
    else if (part === "decoder") dropped.push(`${name}: of a decoder that is not there`);
    else if (part !== undefined) tensors.set(name, tensorIn(file, name));
    else if (isProbe(name)) dropped.push(`${name}: the head of a linear probe`);
    else throw unknown(file.path, name);
  }
  return { tensors, dropped };
}

/** Of a file with the names of transformers. @throws CheckpointError for a name that is none */
export function fromHuggingFaceNames(file: TensorFile): Renamed {
  const tensors = new Map<string, PublishedTensor>();
  const parts = new Map<string, (string | undefined)[]>();
  const dropped: string[] = [];
  for (const name of file.names) {
    const reason = unused[name.replace(/^vit\./, "")];
    const found = fromHuggingFace(name);
    if (reason !== undefined) dropped.push(`${name}: ${reason}`);
    else if (found === undefined) throw unknown(file.path, name);
    else if (found.place === undefined) tensors.set(found.ours, tensorIn(file, name));
    else {
      const three = parts.get(found.ours) ?? [undefined, undefined, undefined];
      three[found.place] = name;
      parts.set(found.ours, three);
    }
  }
  for (const [ours, three] of parts) tensors.set(ours, joined(file, ours, three));
  return { tensors, dropped };
}

function joined(file: TensorFile, ours: string, three: readonly (string | undefined)[]): PublishedTensor {
  const names = three.filter((name) => name !== undefined);
  if (names.length === 3) {
    const own = names.map((name) => tensorIn(file, name));
    return stacked(own, ours, file.path);
  }
  throw new CheckpointError({
    problem: `${ours} needs query, key and value, the file has ${names.join(", ")}.`,
    code: "names",
    path: file.path,
    expected: "query, key and value",
    actual: names,
    remedy: "The file is not whole: copy or download it again.",
  });
}

/** The other way: query, key and value are thirds of the rows of ours. @param prefix as of `toHuggingFace` */
export function inHuggingFaceNames(tensors: Iterable<readonly [string, PublishedTensor]>, prefix: string): Tensors {
  return new Map(
    [...tensors].flatMap(([name, tensor]): [string, PublishedTensor][] => {
      const theirs = toHuggingFace(name, prefix);
      if (typeof theirs === "string") return [[theirs, tensor]];
      return theirs.map((own, place) => [own, rowsOf(tensor, place, 3)]);
    }),
  );
}

function unknown(path: string, name: string): CheckpointError {
  return unknownName(path, name, "this ViT", foreign.find(([pattern]) => pattern.test(name))?.[1]);
}
