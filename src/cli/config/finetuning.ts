/** From what was typed to the configuration of a supervised run: recipe or checkpoint, options, flags; what is left is chosen. */
import { existsSync } from "node:fs";
import { basename, extname, resolve } from "node:path";
import type { FinetuneConfigInput, Source } from "../../index.js";
import { type Setting, valueAt, withSettings } from "../../keys.js";
import type { LabelChoice } from "../../public/data.js";
import { UsageError } from "../errors.js";
import { type LabelledOptions, labelledSpecs } from "../measure/labelled.js";
import { parseFlags } from "./flags.js";
import { type ConfigKey, configKeys, type JsonSchema } from "./keys.js";
import { checkLength, type MinutesOption } from "./minutes.js";
import { isRecipe, loadRecipe } from "./recipe.js";
import { refuseUnknown } from "./resolve.js";

export interface FinetuneOptions extends Omit<LabelledOptions, "limit">, MinutesOption {
  readonly labelsPerClass?: number;
  readonly labelFraction?: number;
  readonly labelSeed?: number;
  readonly trainBlocks?: string;
  /** Linear probing follows the paper's table 10, whatever was said for more blocks. */
  readonly probeByPaper?: boolean;
}

export interface ResolvedFinetuning {
  /** For the run folder. */
  readonly name: string;
  readonly config: FinetuneConfigInput;
  /** What was chosen and why, a line each. */
  readonly choices: readonly string[];
}

type Plain = Record<string, unknown>;

/** The flat keys of the configuration's schema. */
export async function finetuneConfigKeys(): Promise<ConfigKey[]> {
  const [{ currentFinetuneConfig }, { z }] = await Promise.all([import("../../public/train.js"), import("zod")]);
  return configKeys(z.toJSONSchema(currentFinetuneConfig(), { io: "input" }) as JsonSchema);
}

const ownOptions =
  "data train test labels-per-class label-fraction label-seed train-blocks minutes out overwrite json help-config";

/** Resolves the operand, the options and the flags of `finetune`. @throws UsageError, ConfigError, CheckpointError */
export async function resolveFinetuning(
  tokens: readonly string[],
  options: FinetuneOptions,
): Promise<ResolvedFinetuning> {
  const keys = await finetuneConfigKeys();
  const { operands, settings } = parseFlags(tokens, keys, ownOptions.split(" "), "finetune");
  checkLength(options.minutes, settings);
  const what = onlyOperand(operands);
  const written: Plain = isRecipe(what) ? await loadRecipe(what) : startOf(what);
  if (settings.some(({ path }) => path === "from")) keepShape(written);
  const sides = await sideSettings(options);
  const said = withSettings(withSettings(withSettings(written, sides.settings), optionSettings(options)), settings);
  refuseUnknown(said, keys, "finetune");
  const { config, choices } = await choose(options.probeByPaper === true ? withProbeRecipe(said) : said);
  const base = isRecipe(what) ? basename(what, extname(what)) : `finetune-${basename(resolve(what))}`;
  return { name: base, config: config as unknown as FinetuneConfigInput, choices: [...sides.said, ...choices] };
}

/** A recipe's model is for runs from scratch: that of a checkpoint has the shape that it has. */
function keepShape(written: Plain): void {
  const { name, dropPath } = (written["model"] ?? {}) as Plain;
  const kept = Object.entries({ name, dropPath }).filter(([, value]) => value !== undefined);
  written["model"] = Object.fromEntries(kept);
}

/** Linear probing without what decides how more than a classifier is trained. */
function withProbeRecipe(said: Plain): Plain {
  if (said["trainBlocks"] !== 0) return said;
  const { optim: _, augmentation: __, pool: ___, average: ____, ...rest } = said;
  return rest;
}

function onlyOperand(operands: readonly string[]): string {
  const [what, ...more] = operands;
  if (what !== undefined && more.length === 0) return what;
  throw new UsageError({
    code: "operands",
    path: "the command line",
    expected: "one run folder, checkpoint or recipe, or the word scratch",
    actual: operands.length === 0 ? "none" : operands.join(" "),
    remedy: "For example: lacuna finetune runs/mae --data photos",
  });
}

function startOf(what: string): Plain {
  if (what === "scratch") return {};
  if (existsSync(what)) return { from: resolve(what) };
  throw new UsageError({
    code: "from",
    path: what,
    expected: "a run folder, a checkpoint file, a recipe, or the word scratch",
    actual: "nothing of that name",
    remedy: "Check the path.",
  });
}

/** What is learned from and what is judged, as settings and in words. */
async function sideSettings(options: FinetuneOptions): Promise<{ settings: Setting[]; said: string[] }> {
  const { data, train, test } = options;
  if (data === undefined && train === undefined && test === undefined) return { settings: [], said: [] };
  const sides = await labelledSpecs(options);
  const { validation } = sides;
  const settings = [
    { path: "data.source", value: sides.train },
    { path: "data.heldOut", value: validation ?? sides.test },
  ];
  const left = `; the test part is left for: lacuna evaluate classifier <run> --data ${data}`;
  const watched =
    validation !== undefined && "path" in validation ? `${validation.path} is judged${left}` : sides.split;
  return { settings, said: [`pictures: ${watched}`] };
}

function optionSettings({ labelsPerClass, labelFraction, labelSeed, trainBlocks }: FinetuneOptions): Setting[] {
  const settings: Setting[] = [];
  const set = (path: string, value: unknown): void => {
    if (value !== undefined) settings.push({ path, value });
  };
  set("data.labels.perClass", labelsPerClass);
  set("data.labels.fraction", labelFraction);
  set("data.labels.seed", labelSeed);
  if (trainBlocks !== undefined) set("trainBlocks", trainBlocks === "all" ? trainBlocks : Number(trainBlocks));
  return settings;
}

/** An epoch has at least so many steps, or the rate would hardly be followed. */
const stepsAnEpoch = 8;
/** Pictures of more than 64 pixels that are computed at a time. */
const microBatch = 64;
const smallPictures = 64;

/** Model and size from the pictures where there is no checkpoint; a batch that fits them. */
async function choose(said: Plain): Promise<{ config: Plain; choices: string[] }> {
  const { openSource } = await import("../../index.js");
  const { resolveFinetune } = await import("../../public/train.js");
  const { classesText } = await import("../../public/data.js");
  const choices: string[] = [];
  const data = (said["data"] ?? {}) as Plain;
  if (data["source"] === undefined) {
    throw new UsageError({
      code: "evaluation-data",
      path: "the command line",
      expected: "--data, or both --train and --test",
      actual: "neither",
      remedy: "For example: --data cifar10, or --data photos with a folder for each class.",
    });
  }
  const source = await openSource(data["source"] as Parameters<typeof openSource>[0]);
  if (source.classes !== undefined) choices.push(classesText(source.classes));
  let config = said["from"] === undefined ? await withModel(said, source, choices) : said;
  const whole = resolveFinetune(config as unknown as FinetuneConfigInput);
  const side = Math.max(...[whole.data.imageSize].flat());
  const given = (path: string): boolean => valueAt(said, path) !== undefined;
  if (!given("data.batchSize")) {
    const pictures = countOf(source, data["labels"] as LabelChoice | undefined);
    const fitting = 2 ** Math.floor(Math.log2(Math.max(8, pictures / stepsAnEpoch)));
    const batch = Math.min(whole.data.batchSize, fitting);
    config = withSettings(config, [{ path: "data.batchSize", value: batch }]);
    choices.push(
      `batch ${batch}: the recipe's ${whole.data.batchSize}, with at least ${stepsAnEpoch} steps an epoch of ${pictures} pictures`,
    );
    if (side > smallPictures && batch > microBatch && !given("optim.accumulate"))
      config = withSettings(config, [{ path: "optim.accumulate", value: batch / microBatch }]);
  }
  const batch = (valueAt(config, "data.batchSize") as number | undefined) ?? whole.data.batchSize;
  if (whole.trainBlocks === 0 && whole.optim.name === "lars" && !given("optim.baseLearningRate"))
    config = withSettings(config, [probeRate(batch, choices)]);
  if (side <= smallPictures && !given("augmentation.crop")) {
    const crop = { name: "shifted", padding: Math.round(side / 8) };
    config = withSettings(config, [{ path: "augmentation.crop", value: crop }]);
    choices.push(
      `pictures of ${side} pixels are shifted by up to ${crop.padding} pixels instead of being cut to a twelfth`,
    );
  }
  return { config, choices };
}

/** 0.1 for 256 pictures, at 16384 a step (MAE, table 10). */
const probingRate = 6.4;

/**
 * LARS gives each step a length by the weights' own norm, whatever the gradient. Scaled down with the batch as the paper scales
 * it up, a probe of a few hundred steps would end where it began: the absolute rate stays.
 */
function probeRate(batchSize: number, choices: string[]): Setting {
  choices.push(`rate ${probingRate} whatever the batch: a step of LARS has a length of its own`);
  return { path: "optim.baseLearningRate", value: (probingRate * 256) / batchSize };
}

function countOf({ size, classes = [] }: Source, labels: LabelChoice | undefined): number {
  if (labels?.perClass !== undefined) return labels.perClass * classes.length;
  return Math.floor(size * (labels?.fraction ?? 1));
}

/** From scratch the model and the size of the pictures are those that pre-training would choose. */
async function withModel(said: Plain, source: Source, choices: string[]): Promise<Plain> {
  if (valueAt(said, "model.size") !== undefined || valueAt(said, "model.width") !== undefined) return said;
  const { chooseDefaults, machineFacts } = await import("../../public/plan.js");
  const { surveyPictures } = await import("../../public/data.js");
  const { config } = chooseDefaults(source.spec, await surveyPictures(source), machineFacts(undefined), {});
  const { imageSize, channels, mean, std } = config.data;
  const given = { model: config.model, data: { imageSize, channels, mean, std } };
  const known = JSON.parse(JSON.stringify(given)) as Plain; // without what was left undefined
  choices.push(
    `model ${JSON.stringify(config.model)}, ${String(imageSize)} pixels: what pre-training would choose for these pictures`,
  );
  const leaves = (value: unknown, path: string): Setting[] =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, below]) => leaves(below, path === "" ? key : `${path}.${key}`))
      : [{ path, value }];
  return withSettings(known, leaves(said, ""));
}
