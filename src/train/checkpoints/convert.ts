/** From one layout of checkpoints to another, every tensor bit for bit. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "../../engine/errors.js";
import type { TensorToWrite } from "../../formats/safetensors.js";
import type { Layout, Published } from "../../models/published/open.js";
import { expectedTensors, type PublishedShape, type ShapeHints } from "../../models/published/shape.js";
import { planWriting } from "../../models/published/write.js";
import { makeFolder, replaceAtomically } from "../../runs/write-atomic.js";
import { architecture, writeModel } from "../checkpoint.js";
import { parseConfig } from "../config.js";
import { openModelFile, wholeConfigFrom } from "./from-checkpoint.js";

export interface ConvertOptions extends ShapeHints {
  /** Default: by the name of what is written (.pth official, .safetensors lacuna, else a folder of transformers). */
  readonly to?: Layout;
  /** Replace what is there. */
  readonly overwrite?: boolean;
}

export interface Converted {
  readonly from: Layout;
  readonly to: Layout;
  readonly shape: PublishedShape;
  /** Tensors written. */
  readonly tensors: number;
  readonly files: readonly string[];
  readonly assumed: readonly string[];
  readonly dropped: readonly string[];
}

/**
 * Reads a model of any layout and writes it in another. Nothing is changed, rounded or guessed: what a layout cannot hold is
 * dropped and said, or refused where the weights would mean something else. Files are written whole or not at all.
 * @throws CheckpointError, FormatError, RunError
 */
export function convert(from: string, out: string, options: ConvertOptions = {}): Converted {
  using published = openModelFile(from, options);
  const to = options.to ?? layoutFor(out, published);
  checkOut(out, to, options.overwrite ?? false);
  const written = to === "lacuna" ? writeLacuna(published, out) : writeForeign(published, to, out);
  const { layout, shape, assumed, dropped } = published;
  return { from: layout, to, shape, assumed, ...written, dropped: [...dropped, ...written.dropped] };
}

function layoutFor(out: string, { shape }: Published): Layout {
  if (out.endsWith(".pth")) return "official";
  if (out.endsWith(".safetensors")) return "lacuna";
  return shape.decoder === undefined ? "hf-vit" : "hf-vitmae";
}

const endings: Readonly<Record<Layout, string>> = {
  official: ".pth",
  timm: ".safetensors",
  lacuna: ".safetensors",
  "hf-vitmae": "",
  "hf-vit": "",
};

function checkOut(out: string, to: Layout, overwrite: boolean): void {
  const ending = endings[to];
  const isFolderName = !/\.(pth|safetensors)$/.test(out);
  if (ending === "" ? !isFolderName : !out.endsWith(ending)) {
    const expected = ending === "" ? "a folder" : `a file that ends in ${ending}`;
    throw new CheckpointError(`${to} is written as ${expected}, got ${out}.`, {
      code: "out",
      path: out,
      expected,
      actual: out,
    });
  }
  const occupied = ending === "" ? ["model.safetensors", "config.json"].map((name) => join(out, name)) : [out];
  const found = occupied.find((path) => existsSync(path));
  if (found === undefined || overwrite) return;
  throw new CheckpointError("there is a file already.", {
    code: "exists",
    path: found,
    remedy: "Give another name, or --overwrite to replace it.",
  });
}

type Written = Pick<Converted, "files" | "tensors" | "dropped">;

function writeForeign(published: Published, to: Exclude<Layout, "lacuna">, out: string): Written {
  const plan = planWriting(published, to);
  const files = plan.files.map(({ name }) => (name === "" ? out : join(out, name)));
  if (endings[to] === "") makeFolder(out);
  plan.files.forEach((file, i) => {
    replaceAtomically(files[i] as string, (temporary) => file.write(temporary));
  });
  const run = published.config === undefined ? [] : ["configuration: the layout has no place for a run's"];
  return { files, tensors: plan.tensors, dropped: [...plan.dropped, ...run] };
}

/** A checkpoint at step 0, or a run's own one without its optimiser. */
function writeLacuna(published: Published, out: string): Written {
  const { weights, shape } = published;
  const names = [...expectedTensors(shape).keys()];
  const tensors = names.map((name): [string, TensorToWrite] => {
    const { dtype, shape: sides } = weights.entry(name);
    return [name, { dtype, shape: sides, data: () => weights.read(name).data }];
  });
  const config = published.config ?? { ...parseConfig(wholeConfigFrom(published)) };
  const own = published.config === undefined ? architecture(parseConfig(config)) : null;
  writeModel(out, { position: { step: 0, samples: 0 }, config, architecture: own }, tensors);
  return { files: [out], tensors: names.length, dropped: [] };
}
