/** Everything that decides a supervised run: the schema, and which recipe fills in what nobody says. */
import { z } from "zod";
import { labelChoiceSchema } from "../data/sources/labelled.js";
import { augmentationConfig } from "../methods/supervised/augmentation.js";
import { checkMixing } from "../methods/supervised/mixing.js";
import { modelConfig, models, usualModel } from "../models/index.js";
import { adamwConfig } from "../optim/adamw.js";
import { larsConfig } from "../optim/lars.js";
import { sgdConfig } from "../optim/sgd.js";
import { dataConfig, parseBy, schedule } from "../train/config.js";
import { checkHints, hintsSchema } from "../train/hints.js";
import { poolSchema, trainBlocksSchema } from "./classifier.js";
import { recipeFor } from "./recipe.js";

const positive = z.int().positive();

const layerDecay = {
  layerDecay: z
    .number()
    .positive()
    .max(1)
    .default(1)
    .describe("factor of the learning rate from one block to the one below it; 1: all alike"),
};

const optimConfig = z.discriminatedUnion("name", [
  adamwConfig.extend(schedule).extend(layerDecay),
  sgdConfig.extend(schedule).extend(layerDecay),
  larsConfig.extend(schedule).extend(layerDecay),
]);

const logConfig = z.strictObject({
  checkpointSeconds: z.number().positive().default(300).describe("time between checkpoints"),
  checkpointSteps: positive.optional().describe("steps between checkpoints, besides those by time"),
  keepCheckpoints: z.int().min(2).default(2).describe("older ones are removed once a newer one is verified"),
  heldOutEpochs: z.number().positive().default(1).describe("epochs between accuracies on held-out pictures"),
  heldOutPictures: positive.optional().describe("at most this number of them; all if absent"),
  frozenLabels: z
    .int()
    .min(0)
    .default(10_000)
    .describe(
      "labels at most from which k-NN and the exact linear probe of the frozen encoder learn, before the first step; 0: neither is measured",
    ),
});

/** A supervised run. `run.json` holds it fully resolved. */
export const finetuneConfig = z.strictObject({
  task: z.literal("finetune").default("finetune"),
  from: z
    .string()
    .min(1)
    .optional()
    .describe(
      "the run folder or checkpoint (ours, official .pth, timm, transformers) whose encoder is trained on; from scratch if absent",
    ),
  fromHints: hintsSchema.optional(),
  seed: z.int().min(0).default(0),
  epochs: z.number().positive().default(100).describe("passes over the labelled pictures; fractions count"),
  device: z.string().default("cpu"),
  precision: z.enum(["auto", "bfloat16", "float32"]).default("auto").describe("of matrix products"),
  checkpointing: z.boolean().default(false).describe("compute activations again in backward, for less memory"),
  model: modelConfig.prefault(usualModel),
  classes: z
    .array(z.string())
    .min(2)
    .optional()
    .describe("names of the classes, in the order of the logits; those of the source"),
  pool: poolSchema.default("mean"),
  trainBlocks: trainBlocksSchema.default("all"),
  data: dataConfig.extend({
    batchSize: positive.default(1024).describe("pictures a step of the optimiser, all micro-batches together"),
    labels: labelChoiceSchema.optional(),
  }),
  augmentation: augmentationConfig.prefault({}),
  optim: optimConfig.prefault({ name: "adamw" }),
  average: z
    .number()
    .min(0)
    .lt(1)
    .optional()
    .describe("decay of a moving average of the weights, which is then judged (paper, table 11: 0.9999); 0: none"),
  log: logConfig.prefault({}),
});
/** A supervised run's whole configuration, with the published recipe and every default filled in. */
export type FinetuneConfig = z.output<typeof finetuneConfig>;
/** A supervised run's configuration as it may be written: what the recipe of its model says may be left out. */
export type FinetuneConfigInput = z.input<typeof finetuneConfig>;

/** The schema with the models that programs have added. */
export function currentFinetuneConfig(): typeof finetuneConfig {
  const model = models.schema().prefault(usualModel);
  return finetuneConfig.extend({ model }) as unknown as typeof finetuneConfig;
}

/** For recipes: checks the types of a configuration where it is written. */
export function defineFinetune<const C extends FinetuneConfigInput>(config: C): C {
  return config;
}

/** Fills in the published recipe where nothing is said, and checks. @throws ConfigError in the house's form */
export function parseFinetune(input: unknown): FinetuneConfig {
  const config = parseBy(currentFinetuneConfig(), withRecipe(input));
  checkMixing(config.augmentation.mixing, config.data.batchSize);
  checkHints({ key: "from", path: config.from }, config.fromHints);
  return config;
}

/** What is said lies over the recipe, key by key; another optimiser takes nothing from it but the schedule. */
function withRecipe(input: unknown): unknown {
  if (!isPlain(input)) return input;
  const recipe = recipeFor(input);
  const name = isPlain(input["optim"]) ? input["optim"]["name"] : undefined;
  const { optim, ...rest } = recipe;
  const epochs = typeof input["epochs"] === "number" ? input["epochs"] : recipe.epochs;
  const warmupEpochs = Math.min(optim.warmupEpochs, epochs / 5); // short runs have to get to their rate
  const { minimumLearningRate } = optim;
  const isOwn = name === undefined || name === optim.name;
  const fitting = isOwn ? { ...optim, warmupEpochs } : { warmupEpochs, minimumLearningRate };
  return laidOver({ ...rest, optim: fitting }, input);
}

type Plain = Readonly<Record<string, unknown>>;

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `above` over `below`, key by key. Alternatives with another name are taken as a whole. */
export function laidOver(below: Plain, above: Plain): Plain {
  const result: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const old = result[key];
    const isOther = isPlain(value) && isPlain(old) && "name" in value && "name" in old && value["name"] !== old["name"];
    if (value !== undefined) result[key] = isPlain(value) && isPlain(old) && !isOther ? laidOver(old, value) : value;
  }
  return result;
}
