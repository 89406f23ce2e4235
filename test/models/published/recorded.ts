/** Checkpoints in other programs' layouts, as test/reference/make_layouts.py has recorded them: names, shapes, what comes out. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TensorToWrite, writeSafetensors } from "../../../src/formats/safetensors.js";
import { writeTorch } from "../../../src/formats/torch-pickle.js";
import { made, type Some } from "../convnet-formula.js";

type Names = readonly (readonly [name: string, shape: readonly number[]])[];

interface Case {
  readonly tensors: Names;
  readonly features: Some;
  readonly logits: Some;
}

interface Layouts {
  readonly settings: {
    readonly widths: readonly number[];
    readonly depths: readonly number[];
    readonly classes: number;
  };
  readonly cases: Readonly<Record<"timm" | "official" | "fcmae", Case>> & {
    readonly transformers: Case & {
      readonly bare: Names;
      readonly configs: Readonly<Record<"classifier" | "encoder", Record<string, unknown>>>;
    };
  } & Readonly<Record<"resnet18" | "resnet34" | "resnet50", Case & { readonly timm: Some }>> &
    Readonly<
      Record<
        "moco-v3 vit" | "moco-v3 resnet",
        { readonly tensors: Names; readonly base_encoder: Some; readonly momentum_encoder: Some }
      >
    >;
}

export const { settings, cases } = JSON.parse(
  readFileSync(new URL("../../reference/layouts.json", import.meta.url), "utf8"),
) as Layouts;

/** Numbers of a tensor. */
type Numbers = (name: string, shape: readonly number[]) => Float32Array;

/** The formula's numbers under these names. */
function tensorsOf(names: Names, numbers: Numbers = made): Map<string, TensorToWrite> {
  return new Map(
    names.map(([name, shape]): [string, TensorToWrite] => {
      if (name.endsWith("relative_position_index"))
        return [name, { dtype: "I64", shape, data: new Uint8Array(8 * shape.reduce((a, b) => a * b, 1)) }];
      if (name.endsWith("num_batches_tracked")) return [name, { dtype: "I64", shape, data: new Uint8Array(8) }];
      return [name, { dtype: "F32", shape, data: () => new Uint8Array(numbers(name, shape).buffer) }];
    }),
  );
}

/** What torch.save makes of them. @param under where the dictionary of tensors stands; at the top if absent */
export function writePth(path: string, names: Names, under?: string): string {
  const tensors = tensorsOf(names);
  writeTorch(path, under === undefined ? tensors : new Map([[under, tensors]]));
  return path;
}

/** The same of dictionaries side by side, each named by what stands before the first dot. */
export function writeTables(path: string, names: Names): string {
  const tables = new Map<string, Map<string, TensorToWrite>>();
  for (const [name, tensor] of tensorsOf(names)) {
    const [table = ""] = name.split(".");
    tables.set(table, (tables.get(table) ?? new Map()).set(name.slice(table.length + 1), tensor));
  }
  writeTorch(path, tables);
  return path;
}

interface SiameseLayouts {
  readonly cases: Readonly<
    Record<
      "dino vit" | "dino resnet" | "esvit swin" | "esvit resnet" | "moco v1" | "moco v2",
      { readonly tensors: Names; readonly student: Some; readonly teacher: Some }
    >
  > & { readonly swav: Case; readonly simsiam: Case & { readonly projection: Some } };
}

/** Of DINO, EsViT, SwAV, MoCo v1 and v2, SimSiam (make_siamese_layouts.py). */
export const { cases: siameseCases } = JSON.parse(
  readFileSync(new URL("../../reference/siamese-layouts.json", import.meta.url), "utf8"),
) as SiameseLayouts;

export function writeWeights(path: string, names: Names, numbers?: Numbers): string {
  writeSafetensors(path, [...tensorsOf(names, numbers)], { format: "pt" });
  return path;
}

/** A folder of transformers. */
export function writeFolder(path: string, names: Names, config: object): string {
  mkdirSync(path, { recursive: true });
  writeWeights(join(path, "model.safetensors"), names);
  writeFileSync(join(path, "config.json"), JSON.stringify(config));
  return path;
}
