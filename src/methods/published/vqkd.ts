/**
 * `vqkd`: what microsoft/unilm saves of VQ-KD (beit2/run_vqkd_training.py) and releases as BEiT v2's tokenizers: encoder and decoder with a norm
 * `fc_norm`, task layers, and the quantiser with buffers that nothing reads. A teacher that is in the file too is left out, and so is ours when
 * it is written: tokens do not depend on it.
 */
import { CheckpointError } from "../../engine/errors.js";
import type { TensorFile } from "../../models/published/files.js";
import { type Layout, lost, type Reading, unknownName, viewOf, type Writable } from "../../models/published/layout.js";
import { type PublishedTensor, sides, type Tensors, tensorIn } from "../../models/published/tensors.js";
import type { Normalization } from "../../models/published/told.js";

const codebook = "quantize.embedding.weight";
const isTeachers = (name: string): boolean => /^(?:loss|teacher|scaling)/.test(name);
/** Made with the quantiser and read by nothing (official `EmbeddingEMA`). */
const idle = ["cluster_size", "embed_avg", "initted"].map((name) => `quantize.embedding.${name}`);

/** @param name the method's, as configurations say it */
export function vqkdLayout(name: string): Layout {
  return {
    name: "vqkd",
    form: "pth",
    under: "model",
    anchors: [codebook.replaceAll(".", String.raw`\.`)],
    read(file, hints, inner) {
      if (!file.names.includes(codebook)) return undefined;
      return readingOf({ name, decoderHeads: hints.decoderHeads }, file, (encoder) =>
        inner(viewOf(file, encoder), hints),
      );
    },
    write: (model) =>
      model.method?.name === name && model.rest !== undefined ? written(model, model.rest) : undefined,
  };
}

interface Of {
  /** The method's. */
  readonly name: string;
  readonly decoderHeads: number | undefined;
}

function readingOf({ name, decoderHeads }: Of, file: TensorFile, inner: (encoder: Tensors) => Reading): Reading {
  const encoder = new Map<string, PublishedTensor>();
  const rest = new Map<string, PublishedTensor>();
  for (const full of file.names) {
    const [, side, own = ""] = /^(encoder|decoder)\.(.+)$/.exec(full) ?? [];
    const ours = own.replace(/^fc_norm\./, "norm.");
    if (isTeachers(full) || idle.includes(full)) continue;
    else if (side === "encoder") encoder.set(ours, tensorIn(file, full));
    else if (side === "decoder") rest.set(`decoder.${ours}`, tensorIn(file, full));
    else if (/^(?:quantize|encode_task_layer|decode_task_layer)\./.test(full)) rest.set(full, tensorIn(file, full));
    else throw unknownName(file.path, full, "VQ-KD");
  }
  const reading = inner(encoder);
  const [vocabulary = 0, codeWidth = 0] = sides(rest, file.path, codebook, 2);
  const [features = 0, width = 0] = sides(rest, file.path, "decode_task_layer.2.weight", 2);
  const patch = product(sides(encoder, file.path, "patch_embed.proj.weight", 4).slice(1));
  rest.set("quantize.patch_sums", nothing([vocabulary, patch]));
  const isTold = decoderHeads !== undefined || width === reading.model["width"];
  const heads = decoderHeads ?? (isTold ? reading.model["heads"] : Math.max(1, Math.round(width / 64)));
  return {
    ...reading,
    layout: "vqkd",
    method: {
      ...{ name, vocabulary, codeWidth, teacher: { name: "none", width: features } },
      decoder: { depth: depthOf(rest), width, heads },
    },
    rest,
    normalization: fromMinusOneToOne(reading.image.channels),
    assumed: [
      ...reading.assumed,
      ...(isTold ? [] : [`a decoder with ${heads} heads (--decoder-heads says otherwise)`]),
    ],
    dropped: [
      ...reading.dropped,
      ...lost("teacher and its scaling", file.names.filter(isTeachers).length, "tokens do not depend on it"),
    ],
  };
}

function written({ path, tensors, rest: all }: Writable, rest: Tensors) {
  if (tensors.has("blocks.0.attn.qkv.bias"))
    throw new CheckpointError({
      problem: "an encoder whose keys have a bias has no place in vqkd.",
      code: "layout",
      path,
      expected: "model.keyBias false",
      actual: "blocks.0.attn.qkv.bias",
      remedy: "Train with --model.positions=learned --model.keyBias=false, or keep the run's own checkpoint.",
    });
  const named = (prefix: string, own: Tensors): (readonly [string, PublishedTensor])[] =>
    [...own].map(([name, tensor]) => [prefix + name.replace(/^(decoder\.|)norm\./, "$1fc_norm."), tensor] as const);
  const ours = (name: string): boolean => name.startsWith("teacher.") || name === "quantize.patch_sums";
  const kept = new Map([...rest].filter(([name]) => !ours(name)));
  const { shape } = rest.get(codebook) as PublishedTensor;
  const [vocabulary = 0] = shape;
  const filled = [nothing([vocabulary]), nothing(shape), one()];
  const idles = idle.map((name, i) => [name, filled[i] as PublishedTensor] as const);
  return {
    tensors: new Map([...named("encoder.", tensors), ...named("", kept), ...idles]),
    dropped: lost("teacher and patch_sums", (all?.size ?? 0) - kept.size, "the layout has no place for them"),
  };
}

/** The official tokenizer maps pixels to -1 to 1 by itself. */
function fromMinusOneToOne(channels: number): Normalization {
  const halves = Array.from({ length: channels }, () => 0.5);
  return { mean: halves, std: halves };
}

function depthOf(rest: Tensors): number {
  const places = [...rest.keys()].map((name) => Number(/^decoder\.blocks\.(\d+)\./.exec(name)?.[1] ?? -1));
  return 1 + Math.max(...places);
}

/** Zeros of such sides. */
function nothing(shape: readonly number[]): PublishedTensor {
  return { dtype: "F32", shape, read: () => ({ dtype: "F32", shape, data: new Uint8Array(4 * product(shape)) }) };
}

/** Whether there are codes: yes. */
function one(): PublishedTensor {
  const data = new Uint8Array(Float32Array.of(1).buffer);
  return { dtype: "F32", shape: [1], read: () => ({ dtype: "F32", shape: [1], data }) };
}

function product(sides: readonly number[]): number {
  return sides.reduce((a, b) => a * b, 1);
}
