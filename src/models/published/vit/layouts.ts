/**
 * Layouts of ViT checkpoints. `official`: the names of facebookresearch/mae in a file of torch.save. `timm`: the same names in
 * safetensors. `hf-vit`: a folder of transformers.
 */
import { CheckpointError } from "../../../engine/errors.js";
import { pair, type Size } from "../../../nn/patches.js";
import { relativeIndexBytes } from "../../../nn/positions.js";
import type { TensorFile } from "../files.js";
import { type Layout, lostParts, type ReadHints, type Reading, type Writable, type Written } from "../layout.js";
import { asStateDict, type PublishedTensor, sides, type Tensors } from "../tensors.js";
import { checkTold, epsilonNote, imageSizeTold, numberTold } from "../told.js";
import { vitConfig } from "./hugging-face.js";
import { fromHuggingFaceNames, fromOfficialNames, inHuggingFaceNames, type Renamed } from "./names.js";
import { beitParts, type HeadsByWidth, type VitShape, vitShape } from "./sizes.js";

/** @param published heads of the models that everybody publishes, which shapes do not show */
export function vitLayouts(name: string, published: HeadsByWidth): readonly Layout[] {
  const isOurs = ({ model }: Writable): boolean => model.name === name;
  const reading = (layout: string, file: TensorFile, renamed: Renamed, hints: ReadHints): Reading =>
    readingOf({ layout, name, published }, file, renamed, hints);
  const plain = (layout: string, form: "pth" | "safetensors"): Layout => ({
    name: layout,
    form,
    under: "model",
    anchors: ["cls_token"],
    read(file, hints) {
      const isForm = (file.format === "torch") === (form === "pth");
      if (!isForm || !file.names.includes("cls_token")) return undefined;
      return reading(layout, file, fromOfficialNames(file), hints);
    },
    write(model) {
      if (!isOurs(model)) return undefined;
      checkPlain(model, layout);
      const tensors = ownTensors(model);
      return { tensors: form === "pth" ? withIndexes(tensors, model) : tensors, dropped: lostParts(model, "a ViT") };
    },
  });
  const huggingFace: Layout = {
    name: "hf-vit",
    form: "folder",
    anchors: [String.raw`(?:vit\.)?embeddings\.cls_token`],
    read(file, hints) {
      if (!file.names.some((own) => /^(?:vit\.)?embeddings\.cls_token$/.test(own))) return undefined;
      checkTold(file, { hidden_act: "gelu", qkv_bias: true });
      return reading("hf-vit", file, fromHuggingFaceNames(file), hints);
    },
    write: (model) => (isOurs(model) ? writeHuggingFace(model) : undefined),
  };
  return [plain("official", "pth"), plain("timm", "safetensors"), huggingFace];
}

interface Of {
  readonly layout: string;
  readonly name: string;
  readonly published: HeadsByWidth;
}

function readingOf({ layout, name, published }: Of, file: TensorFile, renamed: Renamed, hints: ReadHints): Reading {
  const { tensors, dropped } = renamed;
  const assumed: string[] = [];
  const heads = hints.heads ?? numberTold(file, "num_attention_heads");
  const told = { heads, imageSize: hints.imageSize ?? imageSizeTold(file) };
  const { grid, channels, ...shape } = vitShape(tensors, file.path, told, published, assumed);
  const { patchSize: patch } = shape;
  const [mean, head] = [tensors.has("fc_norm.weight"), tensors.has("head.weight")];
  const classes = head ? (sides(tensors, file.path, "head.weight", 2)[0] ?? 0) : 0;
  return {
    layout,
    model: { name, ...shape, patchSize: whole(patch), ...beitParts(tensors) },
    guessed: [...(heads === undefined ? ["heads"] : []), ...(tensors.has("blocks.0.gamma_1") ? ["layerScale"] : [])],
    image: { imageSize: [grid[0] * patch[0], grid[1] * patch[1]], channels },
    tensors,
    optional: mean ? ["norm.weight", "norm.bias"] : [],
    ...(head && { classifier: { classes, pool: mean ? "mean" : "class" } }),
    assumed: [...assumed, ...epsilonNote(file)],
    dropped,
  };
}

function whole([height, width]: Size): number | readonly [number, number] {
  return height === width ? height : [height, width];
}

/** The sizes of a ViT that is to be written. */
export function shapeOf({ model, image }: Pick<Writable, "model" | "image">): VitShape {
  const { width, depth, heads, mlpRatio, patchSize } = model as unknown as VitShape & { patchSize: number | Size };
  const patch = pair(patchSize);
  const grid: Size = [image.imageSize[0] / patch[0], image.imageSize[1] / patch[1]];
  return { width, depth, heads, mlpRatio, patchSize: patch, grid, channels: image.channels };
}

/** Encoder and classifier in the order of the official state dict. */
function ownTensors({ tensors }: Writable): Tensors {
  return new Map(asStateDict([...tensors]));
}

/** The official BEiT keeps behind each table which row tells of which two patches. */
export function withIndexes(tensors: Tensors, model: Pick<Writable, "model" | "image">): Tensors {
  return new Map(
    [...tensors].flatMap(([name, tensor]): [string, PublishedTensor][] => {
      if (!name.endsWith("relative_position_bias_table")) return [[name, tensor]];
      return [
        [name, tensor],
        [name.replace(/bias_table$/, "index"), relativeIndexTensor(shapeOf(model).grid)],
      ];
    }),
  );
}

function relativeIndexTensor(grid: Size): PublishedTensor {
  const tokens = 1 + grid[0] * grid[1];
  const shape = [tokens, tokens];
  return { dtype: "I64", shape, read: () => ({ dtype: "I64", shape, data: relativeIndexBytes(grid) }) };
}

function writeHuggingFace(model: Writable): Written {
  checkPooling(model, "hf-vit");
  const { classifier, classes } = model;
  return {
    tensors: inHuggingFaceNames(ownTensors(model), classifier === undefined ? "" : "vit."),
    config: vitConfig(shapeOf(model), classifier?.classes ?? 0, classes),
    dropped: lostParts(model, "a ViT"),
  };
}

/** The encoder without a classifier, for layouts that have none. */
export function encoderAlone({ tensors }: Writable): readonly (readonly [string, PublishedTensor])[] {
  return [...tensors].filter(([name]) => !/^(?:fc_norm|head)\./.test(name));
}

/** @throws CheckpointError for a ViT with class attention: nobody's layout has its blocks */
function checkPlain({ path, tensors }: Pick<Writable, "path" | "tensors">, layout: string): void {
  if (!tensors.has("blocks_token.0.norm1.weight")) return;
  throw new CheckpointError({
    problem: `a ViT with class attention has no place in ${layout}.`,
    code: "layout",
    path,
    expected: "model.classAttention 0",
    actual: "blocks_token",
    remedy: "Export it as ONNX, or keep the run's own checkpoint.",
  });
}

/**
 * A mean-pooled classifier has no norm over tokens: without one, Hugging Face's models would compute something else. They have absolute
 * positions too, and no class attention.
 */
export function checkPooling({ path, tensors }: Writable, layout: string): void {
  checkPlain({ path, tensors }, layout);
  if (!tensors.has("pos_embed"))
    throw new CheckpointError({
      problem: `a ViT without absolute positions has no place in ${layout}.`,
      code: "layout",
      path,
      expected: "pos_embed",
      actual: "no such tensor",
      remedy: "Write it as official or timm.",
    });
  if (!tensors.has("fc_norm.weight")) return;
  throw new CheckpointError({
    problem: `a classifier that averages tokens before its norm has no place in ${layout}.`,
    code: "layout",
    path,
    expected: "a classifier of the class token, or an encoder",
    actual: "fc_norm",
    remedy: "Write it as official or timm, or convert the pre-trained encoder instead.",
  });
}
