/**
 * Checkpoints of masked autoencoders. `official`: facebookresearch/mae's names, the encoder's parts at the top and the decoder's
 * beside them (EMAE and SupMAE keep to them). `hf-vitmae`: a folder of transformers.
 */
import type { TensorFile } from "../../models/published/files.js";
import {
  type Described,
  type Layout,
  lost,
  type ReadHints,
  type Reading,
  viewOf,
  type Writable,
  type Written,
} from "../../models/published/layout.js";
import { asStateDict, type PublishedTensor, type Tensors, tensorIn } from "../../models/published/tensors.js";
import { checkTold, numberTold, toldOrOption } from "../../models/published/told.js";
import { vitMaeConfig } from "../../models/published/vit/hugging-face.js";
import { checkPooling, encoderAlone, shapeOf } from "../../models/published/vit/layouts.js";
import { fromHuggingFaceNames, inHuggingFaceNames, isProbe, partOf } from "../../models/published/vit/names.js";
import { decoderShape, type StackShape } from "../../models/published/vit/sizes.js";

/** `facebookresearch/mae` and what is built on it. @param own the method's name in configurations, and what it adds to MAE's parts */
export function officialMaeLayout(own: Own): Layout {
  const isPart = (name: string): boolean => partOf(name) === "decoder" || own.isPart?.(name) === true;
  return {
    name: "official",
    form: "pth",
    under: "model",
    anchors: ["cls_token"],
    read(file, hints, inner) {
      const isKnown = (name: string): boolean => isPart(name) || partOf(name) !== undefined || isProbe(name);
      const rest = pick(file, isPart);
      const isOurs = file.names.every(isKnown) && (own.isPart === undefined || [...rest.keys()].some(own.isPart));
      if (!isOurs || !file.names.includes("cls_token") || !rest.has("decoder_embed.weight")) return undefined;
      const encoder = inner(
        viewOf(
          file,
          pick(file, (name) => !isPart(name)),
        ),
        hints,
      );
      return withDecoder(encoder, "official", file, rest, hints, own);
    },
    write: (model) =>
      isPublished(model, own.names)
        ? { tensors: new Map(asStateDict([...model.tensors, ...(model.rest ?? [])])), dropped: [] }
        : undefined,
  };
}

interface Own {
  readonly name: string;
  /** Methods whose checkpoints have these parts. */
  readonly names: readonly string[];
  readonly isPart?: (name: string) => boolean;
  /** What its configuration says besides. */
  readonly describe?: (rest: Tensors) => Readonly<Record<string, unknown>>;
}

/** @param own `names`: of whom the decoder is that of transformers' ViTMAE */
export function vitMaeLayout(own: Own): Layout {
  return {
    name: "hf-vitmae",
    form: "folder",
    anchors: [],
    read(file, hints, inner) {
      const isPart = (name: string): boolean => name.startsWith("decoder.");
      if (!file.names.includes("decoder.decoder_embed.weight")) return undefined;
      checkTold(file, { hidden_act: "gelu", qkv_bias: true });
      const encoder = inner(
        viewOf(
          file,
          pick(file, (name) => !isPart(name)),
        ),
        hints,
      );
      const { tensors } = fromHuggingFaceNames(viewOf(file, pick(file, isPart)));
      return withDecoder(encoder, "hf-vitmae", file, tensors, hints, own);
    },
    write: (model) => (model.tensors.has("cls_token") ? writeVitMae(model, own.names) : undefined),
  };
}

function pick(file: TensorFile, wanted: (name: string) => boolean): Tensors {
  return new Map(file.names.filter(wanted).map((name): [string, PublishedTensor] => [name, tensorIn(file, name)]));
}

function withDecoder(
  encoder: Reading,
  layout: string,
  file: TensorFile,
  rest: Tensors,
  hints: ReadHints,
  own: Own,
): Reading {
  const assumed: string[] = [];
  const told = hints.decoderHeads ?? numberTold(file, "decoder_num_attention_heads");
  const [norm, ratio] = [toldOrOption(file, "norm_pix_loss"), toldOrOption(file, "mask_ratio")];
  const method: Described = {
    name: own.name,
    decoder: decoderShape(rest, file.path, told, assumed),
    ...(typeof ratio === "number" && { maskRatio: ratio }),
    ...(typeof norm === "boolean" && { normalizeTargets: norm }),
    ...own.describe?.(rest),
  };
  return { ...encoder, layout, method, rest, assumed: [...encoder.assumed, ...assumed] };
}

/** Whether these are the published parts: a decoder of pixels, whose mask token does not stand in the encoder. */
function isPublished({ method, rest, tensors }: Writable, names: readonly string[]): boolean {
  if (method === undefined || !names.includes(method.name) || !tensors.has("cls_token")) return false;
  const isPixels = (method["target"] ?? "pixels") === "pixels" && method["maskTokenInEncoder"] !== true;
  return isPixels && rest?.has("decoder_embed.weight") === true;
}

function writeVitMae(model: Writable, names: readonly string[]): Written {
  checkPooling(model, "hf-vitmae");
  const { method, rest = new Map() } = model;
  const isWhole = isPublished(model, names);
  const own = encoderAlone(model);
  const tensors = inHuggingFaceNames(asStateDict([...own, ...(isWhole ? rest : [])]), isWhole ? "vit." : "");
  const { maskRatio, normalizeTargets, decoder } = (method ?? {}) as {
    maskRatio?: number;
    normalizeTargets?: boolean;
    decoder?: StackShape;
  };
  return {
    tensors,
    config: vitMaeConfig(shapeOf(model), { maskRatio, normalizeTargets, decoder: isWhole ? decoder : undefined }),
    dropped: [
      ...lost("classifier", model.tensors.size - own.length, "ViTMAE has no classifier"),
      ...lost(`parts of ${method?.name ?? "a method"}`, isWhole ? 0 : rest.size, "they are not ViTMAE's decoder"),
    ],
  };
}
