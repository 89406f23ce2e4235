/** From one layout of checkpoints to another, every tensor bit for bit. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "../../engine/errors.js";
import type { TensorToWrite } from "../../formats/safetensors.js";
import { methods } from "../../methods/index.js";
import { models } from "../../models/index.js";
import type { Layout } from "../../models/published/layout.js";
import type { Published } from "../../models/published/open.js";
import { type Tensors, toWrite } from "../../models/published/tensors.js";
import { planWriting } from "../../models/published/write.js";
import { makeFolder, replaceAtomically } from "../../runs/write-atomic.js";
import { architecture, writeModel } from "../checkpoint.js";
import { parseConfig, type RunConfig } from "../config.js";
import { type ForeignHints, knownLayouts, openModelFile, wholeConfigFrom } from "./from-checkpoint.js";
import { type WeightSize, withNormsOf } from "./norms.js";
import { ownLayout } from "./own.js";
import { sketchMethod } from "./sketch.js";

/** The layout that is written, and what somebody else's file leaves open. */
export interface ConvertOptions extends ForeignHints {
  /**
   * A layout's name, or `lacuna`. Default: by the name of what is written: lacuna for .safetensors, else the model's own layout of
   * that form (.pth, or a folder of transformers).
   */
  readonly to?: string;
  /** Replace what is there. */
  readonly overwrite?: boolean;
  /** A model of the same architecture, whose weights' norms this one is to have (`withNormsOf`). */
  readonly normsOf?: string;
}

/** What `convert` read and wrote, what it assumed, and what the new layout has no place for. */
export interface Converted extends Pick<Published, "model" | "method" | "image" | "classifier"> {
  readonly from: string;
  readonly to: string;
  /** Tensors written. */
  readonly tensors: number;
  readonly files: readonly string[];
  readonly assumed: readonly string[];
  readonly dropped: readonly string[];
  /** With `normsOf`: how large the weights were that were scaled, and how large they are. */
  readonly sizes?: readonly WeightSize[];
}

/**
 * Reads a model of any layout and writes it in another. Nothing is changed (unless `normsOf` asks for it), rounded or guessed: what a
 * layout cannot hold is dropped and said, or refused where the weights would mean something else. Files are written whole or not at all.
 * @throws CheckpointError, FormatError, RunError
 */
export function convert(from: string, out: string, options: ConvertOptions = {}): Converted {
  const { to, overwrite = false, normsOf, ...hints } = options;
  using opened = openModelFile(from, hints);
  const resized = normsOf === undefined ? undefined : resize(opened, normsOf);
  const published = { ...opened, ...(resized && { tensors: resized.tensors }) };
  const wanted = to ?? (formOf(out) === "safetensors" ? ownLayout : formOf(out));
  const written =
    wanted === ownLayout ? writeLacuna(published, out, overwrite) : writeForeign(published, wanted, out, overwrite);
  const { layout, model, method, image, classifier, assumed, dropped } = published;
  return {
    from: layout,
    model,
    ...(method && { method }),
    image,
    ...(classifier && { classifier }),
    assumed,
    ...(resized && { sizes: resized.sizes }),
    ...written,
    dropped: [...dropped, ...written.dropped],
  };
}

function resize(published: Published, anchor: string): ReturnType<typeof withNormsOf> {
  using other = openModelFile(anchor);
  return withNormsOf(published, other);
}

function formOf(out: string): Layout["form"] {
  if (out.endsWith(".pth")) return "pth";
  return out.endsWith(".safetensors") ? "safetensors" : "folder";
}

const forms = {
  pth: "a file that ends in .pth",
  safetensors: "a file that ends in .safetensors",
  folder: "a folder",
} as const;

function checkOut(out: string, layout: string, form: Layout["form"], overwrite: boolean): void {
  if (formOf(out) !== form) {
    throw new CheckpointError({
      problem: `${layout} is written as ${forms[form]}, got ${out}.`,
      code: "out",
      path: out,
      expected: forms[form],
      actual: out,
    });
  }
  const occupied = form === "folder" ? ["model.safetensors", "config.json"].map((name) => join(out, name)) : [out];
  const found = occupied.find((path) => existsSync(path));
  if (found === undefined || overwrite) return;
  throw new CheckpointError({
    problem: "there is a file already.",
    code: "exists",
    path: found,
    expected: "a name that is free",
    actual: "a file",
    remedy: "Give another name, or --overwrite to replace it.",
  });
}

type Written = Pick<Converted, "to" | "files" | "tensors" | "dropped">;

/** The method's own layouts come first, then the model's; the others are those of methods that hold such a model. */
function layoutsFor({ method, model }: Published): Layout[] {
  const own = method === undefined ? [] : methods.get(method.name).layouts;
  return [...new Set([...own, ...(models.get(model.name).layouts ?? []), ...knownLayouts()])];
}

function writeForeign(published: Published, wanted: string, out: string, overwrite: boolean): Written {
  const plan = planWriting(published, layoutsFor(published), wanted);
  const { name, form } = plan.layout;
  checkOut(out, name, form, overwrite);
  const files = plan.files.map((file) => (file.name === "" ? out : join(out, file.name)));
  if (form === "folder") makeFolder(out);
  plan.files.forEach((file, i) => {
    replaceAtomically(files[i] as string, (temporary) => file.write(temporary));
  });
  const run = published.config === undefined ? [] : ["configuration: the layout has no place for a run's"];
  return { to: name, files, tensors: plan.tensors, dropped: [...plan.dropped, ...run] };
}

/** A checkpoint at step 0, or a run's own one without its optimiser. */
function writeLacuna(published: Published, out: string, overwrite: boolean): Written {
  checkOut(out, ownLayout, "safetensors", overwrite);
  const entries = [...ownNames(published)].map(([name, tensor]): [string, TensorToWrite] => [name, toWrite(tensor)]);
  const config = published.config ?? settled(published);
  const isRun = published.config === undefined && published.method !== undefined;
  const own = isRun ? architecture(parseConfig(config)) : null;
  writeModel(out, { position: { step: published.step ?? 0, samples: 0 }, config, architecture: own }, entries);
  return { to: ownLayout, files: [out], tensors: entries.length, dropped: [] };
}

/** Under the names of the method's state, where there is a method. */
function ownNames({ method, model, image, tensors, rest }: Published): Tensors {
  if (method === undefined) return tensors;
  using sketched = sketchMethod(method, model, image);
  const named = [...sketched.names].flatMap(([name, own]) => {
    const tensor = own === undefined ? rest.get(name) : tensors.get(own);
    return tensor === undefined ? [] : [[name, tensor] as const];
  });
  return new Map(named);
}

/** A configuration with every key; that of an encoder alone has what an encoder has. */
function settled(published: Published): Readonly<Record<string, unknown>> {
  const { task, pool, classes, ...rest } = wholeConfigFrom(published);
  const { method, model, data, ...run }: RunConfig = parseConfig(rest);
  if (task === undefined) return { ...run, method, model, data };
  return { task, model, data, ...(pool !== undefined && { pool }), ...(classes !== undefined && { classes }) };
}
