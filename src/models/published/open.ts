/** Opens a checkpoint of any layout that a model or a method knows, and shows its tensors under our names. */
import { CheckpointError } from "../../engine/errors.js";
import { models } from "../index.js";
import { checkReading } from "./check.js";
import { openTensors, someOf, type TensorFile, withoutPrefix } from "./files.js";
import type { Layout, ReadHints, Reading, Writable } from "./layout.js";
import type { Tensors } from "./tensors.js";
import { classesTold, type Normalization, normalizationTold } from "./told.js";

/** A model from a file, whoever wrote it. Close it. */
export interface Published extends Omit<Reading, "rest" | "normalization">, Writable, Disposable {
  readonly path: string;
  /** Of a run of ours: the step at which it was written. */
  readonly step?: number;
  /** The files that hold the weights. */
  readonly files: readonly string[];
  readonly rest: Tensors;
  /** Undefined where nothing beside the weights says it. */
  readonly normalization: Normalization | undefined;
  /** A lacuna checkpoint's configuration. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
}

/** The layouts of all models of the list. */
export function modelLayouts(): Layout[] {
  return models.entries().flatMap(({ layouts = [] }) => layouts);
}

/**
 * Opens a .pth or .safetensors file, or a folder of transformers; the layout shows in the names. Sizes come from the shapes.
 * @param layouts those of methods, besides the models' own
 * @throws FormatError, CheckpointError naming what is missing, surplus or of another shape
 */
export function openPublished(path: string, hints: ReadHints = {}, layouts: readonly Layout[] = []): Published {
  const file = openTensors(path);
  try {
    const { reading, bare } = read(file, hints, [...layouts, ...modelLayouts()]);
    const tensors = checkReading(reading, path);
    const normalization = normalizationTold(file) ?? reading.normalization;
    return {
      ...reading,
      tensors,
      path: file.path,
      files: file.files,
      rest: reading.rest ?? new Map(),
      normalization,
      classes: reading.classifier && classesTold(file),
      assumed: [...prefixNote(bare), ...reading.assumed, ...usualColours(normalization, reading)],
      dropped: [...reading.dropped, ...bare.besides.map((name) => `${name}: not the model`)],
      config: undefined,
      [Symbol.dispose]: () => file[Symbol.dispose](),
    };
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

/** By the first layout that knows the file, as it is or without what stands before its names. */
function read(file: TensorFile, hints: ReadHints, layouts: readonly Layout[]): { reading: Reading; bare: TensorFile } {
  const ofModels = modelLayouts();
  const inner = (view: TensorFile, told: ReadHints): Reading => {
    const found = first(ofModels, (layout) => layout.read(view, told, inner));
    if (found !== undefined) return found;
    throw unknownLayout(view, layouts);
  };
  const known = first(layouts, (layout) => layout.read(file, hints, inner));
  if (known !== undefined) return { reading: known, bare: file };
  const bare = withoutPrefix(file, [...new Set(layouts.flatMap(({ anchors }) => anchors))]);
  const reading = bare === file ? undefined : first(layouts, (layout) => layout.read(bare, hints, inner));
  if (reading !== undefined) return { reading, bare };
  throw unknownLayout(file, layouts);
}

function first<T, R>(items: readonly T[], of: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = of(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function unknownLayout(file: TensorFile, layouts: readonly Layout[]): CheckpointError {
  const sentence = `the names in it are those of no known model: ${someOf(file.names) || "there are none"}.`;
  const names = [...new Set(layouts.map(({ name }) => name))].join(", ");
  return new CheckpointError({
    problem: sentence,
    code: "layout",
    path: file.path,
    expected: `names of one of the layouts ${names}`,
    actual: file.names.slice(0, 6),
    remedy: `Checkpoints of ${models.names().join(", ")} are read, in the layouts ${names}, and runs of lacuna.`,
  });
}

function prefixNote({ prefix }: TensorFile): string[] {
  return prefix === "" ? [] : [`the model is what stands under ${prefix} in the file`];
}

function usualColours(normalization: Normalization | undefined, { image }: Reading): string[] {
  if (normalization !== undefined) return [];
  const usual = image.channels === 3 ? "ImageNet's mean and deviation" : "mean 0.5 and deviation 0.25";
  return [`pictures normalised by ${usual} (--mean and --std say otherwise)`];
}
