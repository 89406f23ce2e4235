import { z } from "zod";
import { checked } from "../checked.js";
import { COLOUR_MODES } from "../data/decode/icc.js";
import { JPEG_MODES } from "../data/decode/jpeg.js";
import { sourceSchema } from "../data/source.js";
import { ConfigError } from "../errors.js";
import { methodConfig, methods, usualMethod } from "../methods/index.js";
import { modelConfig, models, usualModel } from "../models/index.js";
import { adamwConfig } from "../optim/adamw.js";
import { larcConfig } from "../optim/larc.js";
import { larsConfig } from "../optim/lars.js";
import { absoluteLearningRate, rateShapeConfig } from "../optim/schedule.js";
import { sgdConfig } from "../optim/sgd.js";
import { checkHints, hintsSchema } from "./hints.js";

const positive = z.int().positive();
const side = z.union([positive, z.tuple([positive, positive])]);

export const dataConfig = z.strictObject({
  source: sourceSchema.describe("where the pictures are"),
  heldOut: sourceSchema
    .optional()
    .describe("pictures that are never trained on; their loss is logged with fixed masks"),
  imageSize: side.default(224).describe("side in pixels, or [height, width]"),
  channels: positive
    .max(4096)
    .default(3)
    .describe("1 grey, 3 colour, 4 with alpha; others from TIFFs with a page a band, or .npy files [H W C]"),
  batchSize: positive.default(256).describe("pictures a step of the optimiser, all micro-batches together"),
  workers: z
    .union([z.literal("auto"), z.int().min(0)])
    .default("auto")
    .describe("threads that decode pictures; never changes a run's numbers"),
  mean: z.array(z.number()).default([0.485, 0.456, 0.406]).describe("of each channel, pixels in 0 to 1 (ImageNet's)"),
  std: z.array(z.number().positive()).default([0.229, 0.224, 0.225]),
  maxBadShare: z.number().min(0).max(1).default(0.1).describe("more unreadable pictures than this share end the run"),
  jpeg: z
    .enum(JPEG_MODES)
    .default("fast")
    .describe("decoding: fast; accurate (Pillow's pixels); scaled (parts that shrink to half are decoded smaller)"),
  colour: z
    .enum(COLOUR_MODES)
    .default("converted")
    .describe("embedded colour profiles: converted to sRGB, or stored (Pillow's and torchvision's pixels, no profile)"),
  maxPixels: positive.default(64e6).describe("larger pictures are refused by their header, before decoding"),
});

export const schedule = {
  warmupEpochs: z
    .number()
    .min(0)
    .optional()
    .describe("linear from zero; a tenth of the run, at most 40 epochs, if absent"),
  minimumLearningRate: z.number().min(0).default(0).describe("where the half cosine ends"),
  shape: rateShapeConfig,
  finalWeightDecay: z
    .number()
    .min(0)
    .optional()
    .describe("where weight decay ends, by a half cosine (DINO: from 0.04 to 0.4); constant if absent"),
  accumulate: positive.default(1).describe("micro-batches in a step: the same gradient for less memory"),
  clipNorm: z.number().positive().optional().describe("largest norm of the whole gradient"),
};
export type ScheduleConfig = z.output<z.ZodObject<typeof schedule>>;

const optimConfig = z.discriminatedUnion("name", [
  adamwConfig.extend(schedule),
  sgdConfig.extend(schedule),
  larsConfig.extend(schedule),
  larcConfig.extend(schedule),
]);

const probeConfig = z
  .strictObject({
    everyEpochs: z
      .number()
      .min(0)
      .optional()
      .describe("epochs between probes, 0 for never; if absent a tenth of the run, or more where that would cost time"),
    bank: positive.default(2000).describe("labelled pictures at most to classify by"),
    queries: positive.default(1000).describe("pictures at most whose features are judged"),
    k: positive.default(20).describe("neighbours that vote"),
    linear: z.boolean().default(true).describe("fit a linear classifier too, where there are classes"),
    train: sourceSchema.optional().describe("labelled pictures to classify by; the run's own if absent"),
    test: sourceSchema.optional().describe("pictures to judge; the held-out ones if absent"),
  })
  .describe("looks at the features while training; none of it changes the numbers of a run");

const logConfig = z.strictObject({
  checkpointSeconds: z.number().positive().default(300).describe("time between checkpoints"),
  checkpointSteps: positive.optional().describe("steps between checkpoints, besides those by time"),
  keepCheckpoints: z.int().min(2).default(2).describe("older ones are removed once a newer one is verified"),
  previewSeconds: z
    .number()
    .positive()
    .default(20)
    .describe("until the first picture; the time between pictures then doubles, up to ten minutes"),
  previewPictures: z.int().min(0).default(8),
  heldOutEpochs: z.number().positive().default(1).describe("epochs between held-out losses"),
  heldOutPictures: positive.default(2048).describe("at most this number of pictures is used for it"),
  probe: probeConfig.prefault({}),
});

/** Everything that decides a run, of a method and a model that come with the package. `run.json` holds it fully resolved. */
export const runConfig = z.strictObject({
  seed: z.int().min(0).default(0),
  epochs: z.number().positive().default(400).describe("passes over the pictures; fractions count"),
  plugins: z
    .array(z.string().min(1))
    .optional()
    .describe("programs that define methods or models of their own, loaded before the rest is read"),
  device: z.string().default("cpu"),
  precision: z
    .enum(["auto", "bfloat16", "float32"])
    .default("auto")
    .describe("of matrix products; auto: bfloat16 where the hardware has it"),
  checkpointing: z
    .boolean()
    .default(false)
    .describe("compute activations again in backward: about a third more time, much less memory"),
  model: modelConfig.prefault(usualModel),
  method: methodConfig.prefault(usualMethod),
  init: z
    .string()
    .min(1)
    .optional()
    .describe("weights to begin with: a run, a checkpoint, an official .pth, timm's or transformers' weights"),
  initHints: hintsSchema.optional(),
  initHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .describe("SHA-256 of these weights: written by the run, checked where it is given"),
  data: dataConfig,
  optim: optimConfig.prefault({ name: "adamw" }),
  log: logConfig.prefault({}),
});
/** A pre-training run's whole configuration, with every default filled in: what run.json keeps. */
export type RunConfig = z.output<typeof runConfig>;
/** A pre-training run's configuration as it may be written: what has a default may be left out. */
export type RunConfigInput = z.input<typeof runConfig>;

/** For recipes: checks the types of a configuration where it is written. */
export function defineRun(config: RunConfigInput): RunConfigInput {
  return config;
}

/** The schema with the methods and models that programs have added. */
export function currentRunConfig(): typeof runConfig {
  const [method, model] = [methods.schema(), models.schema()];
  return runConfig.extend({
    model: model.prefault(usualModel),
    method: method.prefault(usualMethod),
  }) as unknown as typeof runConfig;
}

/**
 * Checks a configuration and fills in its defaults.
 * @throws ConfigError in the house's form, with the nearest key for one that is misspelt
 */
export function parseConfig(input: unknown): RunConfig {
  const config = parseBy(currentRunConfig(), input);
  checkAccumulation(config);
  checkHints({ key: "init", path: config.init }, config.initHints);
  return config;
}

/** Micro-batches give the gradient of the whole batch only where its pictures do not meet in the loss. */
function checkAccumulation({ method, optim }: RunConfig): void {
  const reason = methods.get(method.name).couplesBatch(method);
  if (optim.accumulate === 1 || reason === undefined) return;
  throw new ConfigError({
    problem: `${method.name} cannot be trained in micro-batches: ${reason}.`,
    code: "coupled-batch",
    path: "optim.accumulate",
    expected: 1,
    actual: optim.accumulate,
    remedy: "Leave optim.accumulate out; a smaller data.batchSize, or --checkpointing=true, takes less memory.",
  });
}

/** Reads the configuration of any kind of run by its schema. @throws ConfigError */
export function parseBy<S extends z.ZodType<Related>>(schema: S, input: unknown): z.output<S> {
  const config = checked(schema, input, "", "lacuna pretrain --help-config lists all keys and their values.");
  checkRelations(config);
  return config;
}

interface Related {
  readonly data: Pick<z.output<typeof dataConfig>, "mean" | "std" | "channels" | "batchSize">;
  readonly optim: {
    readonly accumulate: number;
    readonly weightDecay: number;
    readonly finalWeightDecay?: number | undefined;
  };
}

/** What no part's own schema can see. */
function checkRelations({ data, optim }: Related): void {
  for (const key of ["mean", "std"] as const) {
    if (data[key].length !== data.channels) {
      throw new ConfigError({
        problem: `expected a value for each of ${data.channels} channels, got ${data[key].length}.`,
        code: "channels",
        path: `data.${key}`,
        expected: data.channels,
        actual: data[key],
        remedy: `Give ${data.channels} numbers; lacuna doctor measures them.`,
      });
    }
  }
  if (optim.weightDecay === 0 && (optim.finalWeightDecay ?? 0) > 0) {
    throw new ConfigError({
      problem: `weight decay cannot rise from 0 to ${optim.finalWeightDecay}: its schedule is a factor on the first value.`,
      code: "weight-decay",
      path: "optim.weightDecay",
      expected: "a number above 0",
      actual: 0,
      remedy: "Set it to a small number, such as 1e-6, or leave optim.finalWeightDecay out.",
    });
  }
  if (data.batchSize % optim.accumulate !== 0) {
    throw new ConfigError({
      problem: `a batch of ${data.batchSize} does not divide into ${optim.accumulate} micro-batches.`,
      code: "accumulate",
      path: "optim.accumulate",
      expected: `a divisor of ${data.batchSize}`,
      actual: optim.accumulate,
    });
  }
}

/** Numbers that follow from a config and the number of pictures: worked out here and nowhere else. */
export interface Derived {
  readonly stepsPerEpoch: number;
  readonly steps: number;
  readonly warmupSteps: number;
  readonly effectiveBatch: number;
  readonly microBatch: number;
  /** base × effective batch / 256 */
  readonly learningRate: number;
}

/** The configuration with another length; a warm-up that it names keeps its share of the run. */
export function withEpochs<
  C extends Pick<Derivable, "epochs"> & { readonly optim: Pick<Derivable["optim"], "warmupEpochs"> },
>(config: C, epochs: number): C {
  const { warmupEpochs } = config.optim;
  if (warmupEpochs === undefined) return { ...config, epochs };
  return { ...config, epochs, optim: { ...config.optim, warmupEpochs: (warmupEpochs * epochs) / config.epochs } };
}

/** What the numbers follow from. */
interface Derivable {
  readonly epochs: number;
  readonly data: { readonly batchSize: number };
  readonly optim: {
    readonly baseLearningRate: number;
    readonly accumulate: number;
    readonly warmupEpochs?: number | undefined;
  };
}

/**
 * Steps, warm-up and learning rate that follow from a configuration and the number of training pictures.
 * @throws ConfigError where there are fewer pictures than a batch takes
 */
export function derive({ data, optim, epochs }: Derivable, pictures: number): Derived {
  const stepsPerEpoch = Math.floor(pictures / data.batchSize);
  if (stepsPerEpoch === 0) {
    throw new ConfigError({
      problem: `a batch takes ${data.batchSize} pictures, the source has ${pictures}.`,
      code: "batch-size",
      path: "data.batchSize",
      expected: `at most ${pictures}`,
      actual: data.batchSize,
      remedy: `Set --data.batchSize=${Math.max(1, 2 ** Math.floor(Math.log2(Math.max(1, pictures))))} or add pictures.`,
    });
  }
  const steps = Math.max(1, Math.round(epochs * stepsPerEpoch));
  const warmupEpochs = optim.warmupEpochs ?? Math.min(40, epochs / 10);
  return {
    stepsPerEpoch,
    steps,
    warmupSteps: Math.min(steps, Math.round(warmupEpochs * stepsPerEpoch)),
    effectiveBatch: data.batchSize,
    microBatch: data.batchSize / optim.accumulate,
    learningRate: absoluteLearningRate(optim.baseLearningRate, data.batchSize),
  };
}
