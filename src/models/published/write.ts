/** Writes a model in another layout, bit for bit; what the layout cannot hold is said, or refused where it would lie. */
import { writeFileSync } from "node:fs";
import { CheckpointError } from "../../engine/errors.js";
import { type TensorToWrite, writeSafetensors } from "../../formats/safetensors.js";
import { writeTorch } from "../../formats/torch-pickle.js";
import { preprocessor } from "./hugging-face.js";
import type { Layout, Writable, Written } from "./layout.js";
import { toWrite } from "./tensors.js";

/** One file of a layout: its name inside a folder, or "" where the layout is one file. */
export interface LayoutFile {
  readonly name: string;
  /** Not atomic: give a temporary path and rename. */
  write(path: string): void;
}

export interface Writing {
  readonly layout: Layout;
  readonly files: readonly LayoutFile[];
  /** Tensors written. */
  readonly tensors: number;
  /** What is left out, with the reason. */
  readonly dropped: readonly string[];
}

/**
 * What would be written, in the first of these layouts that holds such a model. Tensors are read one at a time when it is.
 * @param wanted for the error: what was asked for
 * @throws CheckpointError where no layout holds it, or one would compute something else with the same weights
 */
export function planWriting(model: Writable, layouts: readonly Layout[], wanted: string): Writing {
  for (const layout of layouts.filter(({ name, form }) => wanted === name || wanted === form)) {
    const written = layout.write(model);
    if (written !== undefined)
      return {
        layout,
        files: filesOf(layout, model, written),
        tensors: written.tensors.size,
        dropped: written.dropped,
      };
  }
  const others = layouts.filter((layout) => holds(layout, model)).map(({ name }) => name);
  throw new CheckpointError({
    problem: `a ${model.model.name} cannot be written as ${wanted}.`,
    code: "layout",
    path: model.path,
    expected: [...new Set(others)],
    actual: wanted,
    remedy: `Choose one of ${[...new Set(others), "lacuna"].join(", ")}.`,
  });
}

/** A layout that refuses the model for what it computes is none that it can be written in. */
function holds(layout: Layout, model: Writable): boolean {
  try {
    return layout.write(model) !== undefined;
  } catch {
    return false;
  }
}

const metadata = { format: "pt" }; // transformers and timm ask for it

function filesOf({ form, under, tables = false }: Layout, model: Writable, { tensors, config }: Written): LayoutFile[] {
  const entries = [...tensors].map(([name, tensor]): [string, TensorToWrite] => [name, toWrite(tensor)]);
  const safetensors = (path: string): void => writeSafetensors(path, entries, metadata, { fsync: true });
  const json = (value: unknown) => (path: string) => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
  switch (form) {
    case "pth": {
      const state = new Map(entries);
      const whole = tables ? tablesOf(entries) : under === undefined ? state : new Map([[under, state]]);
      return [{ name: "", write: (path) => writeTorch(path, whole) }];
    }
    case "safetensors":
      return [{ name: "", write: safetensors }];
    case "folder":
      return [
        { name: "model.safetensors", write: safetensors },
        { name: "config.json", write: json(config) },
        { name: "preprocessor_config.json", write: json(preprocessor(model.image, model.normalization)) },
      ];
  }
}

/** `student.head.bias` -> `head.bias` in the dictionary `student`. */
function tablesOf(entries: readonly (readonly [string, TensorToWrite])[]): Map<string, Map<string, TensorToWrite>> {
  const tables = new Map<string, Map<string, TensorToWrite>>();
  for (const [name, tensor] of entries) {
    const dot = name.indexOf(".");
    const [table, own] = [name.slice(0, dot), name.slice(dot + 1)];
    tables.set(table, (tables.get(table) ?? new Map()).set(own, tensor));
  }
  return tables;
}
