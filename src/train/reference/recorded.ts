import { z } from "zod";
import { checked } from "../../checked.js";
import { FormatError } from "../../formats/errors.js";
import type { SafetensorsFile } from "../../formats/safetensors.js";
import { methods, usualMethod } from "../../methods/index.js";
import type { ImageShape } from "../../models/encoder.js";
import { models, usualModel } from "../../models/index.js";
import { tensorOf } from "../../models/weights.js";
import { type OptimizerConfig, optimizerConfigs } from "../../optim/build.js";
import type { Tensor } from "../../tensor/tensor.js";

/** What a file says of the official code's steps (test/reference/README.md). */
export interface RecordedConfig {
  readonly method: { readonly name: string };
  readonly model: { readonly name: string };
  readonly image: ImageShape;
  readonly optim: OptimizerConfig;
  /** Learning rate of each step. */
  readonly rates: readonly number[];
  /** Where weight decay would end, of the optimiser's at first; constant if absent. */
  readonly finalWeightDecay?: number | undefined;
  /** Share of the run that is done at each step. */
  readonly progress: readonly number[];
}

/** Numbers of an official repository: its tensors under the names of the one layout, whichever the file has. */
export class Recorded {
  readonly #names: ReadonlyMap<string, string>;

  /** @param nameIn the one layout's name of a tensor of the file; undefined where it does not belong to it */
  constructor(
    readonly file: SafetensorsFile,
    readonly config: RecordedConfig,
    nameIn: (name: string) => string | undefined = (name) => name,
  ) {
    this.#names = new Map(file.names.flatMap((name) => [[nameIn(name) ?? "", name] as const]));
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** @throws FormatError for one that is missing */
  read(name: string): Tensor {
    return tensorOf(this.file.read(this.#names.get(name) ?? name));
  }

  /** The names below a prefix, without it. */
  below(prefix: string): string[] {
    return [...this.#names.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  }

  /** How far off each part may be, and single tensors by name; undefined where the file does not say. */
  tolerances(): Readonly<Record<string, number>> | undefined {
    const text = this.file.metadata?.["tolerance"];
    return text === undefined ? undefined : parsed(this.file, text, z.record(z.string(), z.number()), "tolerance");
  }
}

const positive = z.int().positive();
const named = z.looseObject({ name: z.string() });
const optim = z.looseObject({
  name: z.string(),
  rates: z.array(z.number()).min(1),
  decays: z.string().optional(),
  finalWeightDecay: z.number().optional(),
});
const general = z.object({
  method: named,
  model: named,
  data: z.object({ imageSize: z.union([positive, z.tuple([positive, positive])]), channels: positive }),
  optim,
  progress: z.array(z.number()).min(1),
});

/** facebookresearch/mae as it was first recorded: plain and normalised targets in one file, five steps with plain ones. */
const older = z.object({
  imageSize: positive,
  patchSize: positive,
  width: positive,
  depth: positive,
  heads: positive,
  decoderWidth: positive,
  decoderDepth: positive,
  decoderHeads: positive,
  maskRatio: z.number(),
});

/**
 * What is recorded in a file: one method's steps; of the older layout two, with plain targets and with normalised ones.
 * @throws FormatError where it is of neither layout, ConfigError for a method or a model that is not in the lists
 */
export function recordedIn(file: SafetensorsFile): Recorded[] {
  const text = file.metadata?.["config"] ?? "{}";
  if (!/"method"\s*:/.test(text)) {
    const config = parsed(file, text, older, "config");
    return [0, 1].map((tag) => new Recorded(file, olderConfig(config, tag === 1), olderName(tag)));
  }
  const { method, model, data, optim: given, progress } = parsed(file, text, general, "config");
  const { rates, finalWeightDecay, decays: _, ...optimizer } = given;
  const [H, W] = typeof data.imageSize === "number" ? [data.imageSize, data.imageSize] : data.imageSize;
  const config = {
    method: fitting(methods.get(method.name).config, method, "method"),
    model: fitting(models.get(model.name).config, model, "model"),
    image: { imageSize: [H, W], channels: data.channels } as const,
    optim: fitting(z.discriminatedUnion("name", optimizerConfigs), optimizer, "optim"),
    rates,
    finalWeightDecay,
    progress,
  };
  return [new Recorded(file, config)];
}

function olderConfig(config: z.output<typeof older>, normalizeTargets: boolean): RecordedConfig {
  const { imageSize, patchSize, width, depth, heads, maskRatio } = config;
  const decoder = { width: config.decoderWidth, depth: config.decoderDepth, heads: config.decoderHeads };
  return {
    method: methods.get(usualMethod.name).config.parse({ ...usualMethod, maskRatio, normalizeTargets, decoder }),
    model: models.get(usualModel.name).config.parse({ ...usualModel, width, depth, heads, patchSize }),
    image: { imageSize: [imageSize, imageSize], channels: 3 },
    optim: optimizerConfigs[0].parse({ name: "adamw", betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.05 }),
    rates: Array.from({ length: 5 }, () => 1e-3),
    progress: [0, 0.2, 0.4, 0.6, 0.8],
  };
}

const olderNames = new Map([
  ["image", "view/image"],
  ["noise", "draw/mask"],
  ["mask", "out/mask"],
  ["latent", "out/latent"],
]);

/** `grad.1/norm.bias` -> `grad/norm.bias` for the targets with this tag. */
function olderName(tag: number): (name: string) => string | undefined {
  return (name) => {
    const [, kind, of, rest] = /^(loss|pred|grad)\.(\d)(.*)$/.exec(name) ?? [];
    if (kind === undefined) return olderNames.get(name) ?? name;
    if (Number(of) !== tag) return undefined;
    return kind === "pred" ? "out/pred" : `${kind}${rest}`;
  };
}

function parsed<T>(file: SafetensorsFile, text: string, schema: z.ZodType<T>, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = text;
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new FormatError({
    code: "bad-header",
    path: file.path,
    expected: `numbers of an official repository, with a ${what} in the metadata`,
    actual: `${[what, ...(issue?.path ?? [])].join(".")}: ${issue?.message ?? "not readable"}`,
    remedy: "test/reference/README.md describes the layout.",
  });
}

function fitting<T>(schema: z.ZodType<T>, value: unknown, path: string): T {
  return checked(
    schema,
    value,
    path,
    "The file was made for other keys: make it again with its script in test/reference.",
  );
}
