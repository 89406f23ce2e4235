/** What a supervised run should be where nobody says: after its pictures and the published recipe. */

import { surveyPictures } from "../../data/doctor/survey.js";
import { openSource, type Source, type SourceInput } from "../../data/source.js";
import type { LabelChoice } from "../../data/sources/labelled.js";
import { classesText } from "../../data/sources/train-test.js";
import type { FinetuneConfig, FinetuneConfigInput } from "../../finetune/config.js";
import { fewLabelChoices } from "../../finetune/few-labels.js";
import { resolveFinetune } from "../../finetune/finetune.js";
import { type Setting, valueAt, withSettings } from "../../keys.js";
import { chooseDefaults } from "./choose.js";
import { machineFacts } from "./machine.js";

/** A supervised run's configuration, with what was chosen for its pictures. */
export interface FinetuneChoices {
  readonly config: FinetuneConfigInput;
  /** What was chosen and why, a sentence each. */
  readonly choices: readonly string[];
}

type Plain = Record<string, unknown>;

/** An epoch has at least so many steps, or the rate would hardly be followed. */
const stepsAnEpoch = 8;
/** Pictures of more than 64 pixels that are computed at a time. */
const microBatch = 64;
const smallPictures = 64;

/**
 * Completes what was said of a supervised run: from scratch the model and the size of the pictures; a batch that fits them; from a trained
 * encoder what few labels want (`fewLabelChoices`); crops for small pictures; the rate of a linear probe. What is said stays, and what
 * neither says is left to the published recipe.
 * @throws DataError for pictures that cannot be opened; ConfigError, CheckpointError
 */
export async function chooseFinetuning(input: FinetuneConfigInput): Promise<FinetuneChoices> {
  const said = input as unknown as Plain;
  const source = await openSource(input.data.source as SourceInput);
  const choices: string[] = [];
  if (source.classes !== undefined) choices.push(classesText(source.classes));
  let config = input.from === undefined ? await withModel(said, source, choices) : said;
  const whole = resolveFinetune(config as unknown as FinetuneConfigInput);
  const given = (path: string): boolean => valueAt(said, path) !== undefined;
  const set = (settings: readonly Setting[]): void => {
    config = withSettings(config, settings);
  };
  if (!given("data.batchSize")) set(batchFor(whole, source, given("optim.accumulate"), choices));
  const batch = (valueAt(config, "data.batchSize") as number | undefined) ?? whole.data.batchSize;
  if (whole.trainBlocks === 0 && whole.optim.name === "lars" && !given("optim.baseLearningRate"))
    set([probeRate(batch, choices)]);
  const settled = { ...whole, data: { ...whole.data, batchSize: batch } };
  const few = fewLabelChoices(countOf(source, whole.data.labels), settled);
  for (const { key: path, value, reason } of few.filter(({ key }) => !given(key))) {
    set([{ path, value }]);
    choices.push(`${path} ${reason}`);
  }
  if (sideOf(whole) <= smallPictures && !given("augmentation.crop")) set([cropFor(whole, choices)]);
  return { config: config as unknown as FinetuneConfigInput, choices };
}

function sideOf({ data }: FinetuneConfig): number {
  return Math.max(...[data.imageSize].flat());
}

/** The recipe's batch, cut to the pictures, and computed in parts where they are large. */
function batchFor(whole: FinetuneConfig, source: Source, isCut: boolean, choices: string[]): Setting[] {
  const pictures = countOf(source, whole.data.labels);
  const fitting = 2 ** Math.floor(Math.log2(Math.max(8, pictures / stepsAnEpoch)));
  const batch = Math.min(whole.data.batchSize, fitting);
  choices.push(
    `batch ${batch}: the recipe's ${whole.data.batchSize}, with at least ${stepsAnEpoch} steps an epoch of ${pictures} pictures`,
  );
  const settings: Setting[] = [{ path: "data.batchSize", value: batch }];
  if (sideOf(whole) > smallPictures && batch > microBatch && !isCut)
    settings.push({ path: "optim.accumulate", value: batch / microBatch });
  return settings;
}

function countOf({ size, classes = [] }: Source, labels: LabelChoice | undefined): number {
  if (labels?.perClass !== undefined) return labels.perClass * classes.length;
  return Math.floor(size * (labels?.fraction ?? 1));
}

function cropFor(whole: FinetuneConfig, choices: string[]): Setting {
  const side = sideOf(whole);
  const crop = { name: "shifted", padding: Math.round(side / 8) };
  choices.push(
    `pictures of ${side} pixels are shifted by up to ${crop.padding} pixels instead of being cut to a twelfth`,
  );
  return { path: "augmentation.crop", value: crop };
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

/** From scratch the model and the size of the pictures are those that pre-training would choose. */
async function withModel(said: Plain, source: Source, choices: string[]): Promise<Plain> {
  if (valueAt(said, "model.size") !== undefined || valueAt(said, "model.width") !== undefined) return said;
  const { config } = chooseDefaults(source.spec, await surveyPictures(source), machineFacts(undefined), {});
  const { imageSize, channels, mean, std } = config.data;
  const given = { model: config.model, data: { imageSize, channels, mean, std } };
  const known = JSON.parse(JSON.stringify(given)) as Plain; // without what was left undefined
  choices.push(
    `model ${JSON.stringify(config.model)}, ${String(imageSize)} pixels: what pre-training would choose for these pictures`,
  );
  return withSettings(known, leaves(said, ""));
}

function leaves(value: unknown, path: string): Setting[] {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value).flatMap(([key, below]) => leaves(below, path === "" ? key : `${path}.${key}`))
    : [{ path, value }];
}
