/** Checkpoints of our own runs: their configuration says what they hold, and no name has to. */
import { statSync } from "node:fs";
import { weightsFormat } from "../../formats/content.js";
import { SafetensorsFile } from "../../formats/safetensors.js";
import type { Encoder, ImageShape, Pool } from "../../models/encoder.js";
import { sketch } from "../../models/published/check.js";
import type { ClassifierShape, Described } from "../../models/published/layout.js";
import type { Published } from "../../models/published/open.js";
import type { PublishedTensor, Tensors } from "../../models/published/tensors.js";
import type { Checkpoint } from "../checkpoint.js";
import { imageShape } from "../loop/task.js";
import { sketchMethod } from "./sketch.js";

/** As `convert` names our own layout. */
export const ownLayout = "lacuna";

/** By content, whatever its name is. @throws FormatError for a file that holds no weights */
export function isOwn(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return false; // of transformers
  if (weightsFormat(path) !== "safetensors") return false;
  using file = SafetensorsFile.open(path);
  return file.metadata?.["format"] === "lacuna-checkpoint";
}

/** What of a run's configuration says which tensors there are. */
interface OwnConfig {
  readonly task?: "finetune" | "encoder";
  readonly model: Described;
  readonly method?: Described;
  readonly data: {
    readonly imageSize: number;
    readonly channels: number;
    readonly mean?: number[];
    readonly std?: number[];
  };
  readonly classes?: readonly string[];
  readonly pool?: Pool;
  readonly average?: number;
}

/** A model in a checkpoint of ours, which holds more than the model has names for: other sets of weights, a probe's head. */
export interface OwnModel extends Published {
  readonly checkpoint: Checkpoint;
}

/**
 * The model in a checkpoint of a run, of `convert`, or of fine-tuning (the averaged weights, where it has some). Close it, and with
 * it the checkpoint; it is closed where this fails. @throws CheckpointError, FormatError
 */
export function ownModel(checkpoint: Checkpoint): OwnModel {
  try {
    return { ...publishedOf(checkpoint, checkpoint.config as OwnConfig), checkpoint };
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

function publishedOf(checkpoint: Checkpoint, config: OwnConfig): Published {
  const image = imageShape(config);
  const all = checkpoint.tensors();
  const parts = config.task === undefined && config.method !== undefined ? methodParts(config, image, all) : undefined;
  const { tensors, sizes, classifier, optional = [] } = parts ?? modelParts(config, image, all);
  const { mean, std } = config.data;
  return {
    path: checkpoint.path,
    step: checkpoint.position.step,
    files: [checkpoint.path],
    layout: ownLayout,
    model: { ...(sizes ?? config.model), name: config.model.name },
    guessed: [],
    image,
    tensors,
    optional,
    ...(classifier && { classifier }),
    ...(parts && { method: config.method as Described }),
    ...(config.pool !== undefined && { pool: config.pool }),
    rest: parts?.rest ?? new Map(),
    normalization: mean && std && { mean, std },
    classes: config.classes,
    assumed: [],
    dropped: checkpoint.hasOptimizer ? ["optimizer: not the model"] : [],
    config: config as unknown as Readonly<Record<string, unknown>>,
    [Symbol.dispose]: () => checkpoint.close(),
  };
}

interface Parts {
  readonly tensors: Tensors;
  readonly rest: Tensors;
  readonly optional?: readonly string[];
  readonly sizes: Encoder["sizes"];
  readonly classifier?: ClassifierShape;
}

/** The method's parts, told apart by what is its encoder's; undefined where the file has only the encoder's. */
function methodParts({ method, model }: OwnConfig, image: ImageShape, all: Tensors): Parts | undefined {
  using sketched = sketchMethod(method as Described, model, image);
  const [tensors, rest] = [new Map<string, PublishedTensor>(), new Map<string, PublishedTensor>()];
  for (const [name, own] of sketched.names) {
    const found = all.get(name);
    if (found === undefined && own === undefined) return undefined;
    if (found !== undefined) (own === undefined ? rest : tensors).set(own ?? name, found);
  }
  return { tensors, rest, sizes: sketched.method.outcome.sizes };
}

/** Encoder and classifier, at the top or below `averaged.`. */
function modelParts(config: OwnConfig, image: ImageShape, all: Tensors): Parts {
  using encoder = sketch(config.model, image);
  const [one = ""] = encoder.state().keys();
  const prefix = ["averaged.", "encoder.", ""].find((before) => all.has(before + one)) ?? "";
  const names = [...encoder.state().keys(), "fc_norm.weight", "fc_norm.bias", "head.weight", "head.bias"];
  const tensors = new Map(
    names.flatMap((name): [string, PublishedTensor][] => {
      const found = all.get(prefix + name);
      return found === undefined ? [] : [[name, found]];
    }),
  );
  const classes = tensors.get("head.weight")?.shape[0];
  // A norm behind the pooling stands in place of the encoder's last one.
  const optional = tensors.has("fc_norm.weight") ? names.filter((name) => !tensors.has(name)) : [];
  const pool = tensors.has("fc_norm.weight") ? "mean" : (config.pool ?? encoder.pools[0]);
  return {
    tensors,
    rest: new Map(),
    optional,
    sizes: encoder.sizes,
    ...(classes !== undefined && { classifier: { classes, pool } }),
  };
}
