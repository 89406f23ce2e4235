/** Writes a model in another layout, bit for bit; what the layout cannot hold is said, or refused where it would lie. */
import { writeFileSync } from "node:fs";
import { CheckpointError } from "../../engine/errors.js";
import type { RawTensor } from "../../formats/dtype.js";
import { type TensorToWrite, writeSafetensors } from "../../formats/safetensors.js";
import { writeTorch } from "../../formats/torch-pickle.js";
import { preprocessor, usualNormalization, vitConfig, vitMaeConfig } from "./hugging-face.js";
import { type Part, partOf, toHuggingFace } from "./names.js";
import type { Layout, Published } from "./open.js";
import { expectedTensors, type PublishedShape } from "./shape.js";

/** One file of a layout: its name inside a folder, or "" where the layout is one file. */
export interface LayoutFile {
  readonly name: string;
  /** Not atomic: give a temporary path and rename. */
  write(path: string): void;
}

export interface Writing {
  readonly files: readonly LayoutFile[];
  /** Tensors written, counted by their official names. */
  readonly tensors: number;
  /** What is left out, with the reason. */
  readonly dropped: readonly string[];
}

export type ForeignLayout = Exclude<Layout, "lacuna">;

const reasons: Readonly<Record<ForeignLayout, Partial<Record<Part, string>>>> = {
  official: {},
  timm: { decoder: "timm's ViT has no decoder" },
  "hf-vitmae": { classifier: "ViTMAE has no classifier" },
  "hf-vit": { decoder: "ViT has no decoder" },
};

/**
 * What would be written. Tensors are read one at a time when it is. @throws CheckpointError where the layout would compute
 * something else with the same weights
 */
export function planWriting(published: Published, layout: ForeignLayout): Writing {
  const { shape, weights } = published;
  checkPooling(published, layout);
  const kept: string[] = [];
  const lost = new Map<Part, number>();
  for (const name of expectedTensors(shape).keys()) {
    const part = partOf(name) ?? "encoder";
    if (reasons[layout][part] === undefined) kept.push(name);
    else lost.set(part, (lost.get(part) ?? 0) + 1);
  }
  const dropped = [...lost].map(([part, count]) => `${part}, ${count} tensors: ${reasons[layout][part]}`);
  const official = kept.map((name): [string, TensorToWrite] => [
    name,
    toWrite(weights.entry(name), () => weights.read(name)),
  ]);
  return { files: filesOf(published, layout, official), tensors: kept.length, dropped };
}

function filesOf(published: Published, layout: ForeignLayout, official: [string, TensorToWrite][]): LayoutFile[] {
  const metadata = { format: "pt" }; // transformers and timm ask for it
  switch (layout) {
    case "official":
      return [{ name: "", write: (path) => writeTorch(path, new Map([["model", new Map(official)]])) }];
    case "timm":
      return [{ name: "", write: (path) => writeSafetensors(path, official, metadata, { fsync: true }) }];
    default: {
      const shape = reasons[layout].decoder === undefined ? published.shape : withoutDecoder(published.shape);
      const hasTop = layout === "hf-vitmae" ? shape.decoder !== undefined : shape.head !== undefined;
      const tensors = official.flatMap(([name, tensor]) => huggingFaceTensors(name, tensor, hasTop ? "vit." : ""));
      const config =
        layout === "hf-vitmae" ? vitMaeConfig(shape, published.pretraining) : vitConfig(shape, published.classes);
      const normalization = published.normalization ?? usualNormalization;
      return [
        { name: "model.safetensors", write: (path) => writeSafetensors(path, tensors, metadata, { fsync: true }) },
        { name: "config.json", write: (path) => writeFileSync(path, json(config)) },
        {
          name: "preprocessor_config.json",
          write: (path) => writeFileSync(path, json(preprocessor(shape, normalization))),
        },
      ];
    }
  }
}

function withoutDecoder({ decoder: _, ...rest }: PublishedShape): PublishedShape {
  return rest;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function toWrite(entry: ReturnType<Published["weights"]["entry"]>, read: () => RawTensor): TensorToWrite {
  return { dtype: entry.dtype, shape: entry.shape, data: () => read().data };
}

/** Query, key and value are thirds of the rows of ours. */
function huggingFaceTensors(name: string, tensor: TensorToWrite, prefix: string): [string, TensorToWrite][] {
  const theirs = toHuggingFace(name, prefix);
  if (typeof theirs === "string") return [[theirs, tensor]];
  const shape = [(tensor.shape[0] ?? 0) / 3, ...tensor.shape.slice(1)];
  return theirs.map((own, place) => {
    const data = (): Uint8Array => {
      const whole = typeof tensor.data === "function" ? tensor.data() : tensor.data;
      const bytes = whole.byteLength / 3;
      return whole.subarray(place * bytes, (place + 1) * bytes);
    };
    return [own, { dtype: tensor.dtype, shape, data }];
  });
}

/** A mean-pooled classifier has no norm over tokens: without one, Hugging Face's models would compute something else. */
function checkPooling({ path, shape }: Published, layout: ForeignLayout): void {
  if (shape.head?.pooling !== "mean" || !layout.startsWith("hf-")) return;
  throw new CheckpointError(`a classifier that averages tokens before its norm has no place in ${layout}.`, {
    code: "layout",
    path,
    expected: "a classifier of the class token, or an encoder",
    actual: "fc_norm",
    remedy: "Write it as official or timm, or convert the pre-trained encoder instead.",
  });
}
