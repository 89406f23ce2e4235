/** What a run is made of when only its pictures are given: chosen from them and from the machine, each with a reason. */

import type { PictureSurvey } from "../../data/doctor/survey.js";
import type { SourceInput } from "../../data/source.js";
import { type Setting, withSettings } from "../../keys.js";
import type { DefaultsFacts, MethodDefaults } from "../../methods/defaults.js";
import { methods } from "../../methods/index.js";
import type { DefinedMethod } from "../../methods/method.js";
import { models } from "../../models/index.js";
import type { RunConfigInput } from "../../train/config.js";
import { chooseBatch } from "./batch.js";
import { type Choice, explain } from "./explain.js";
import type { MachineFacts } from "./machine.js";
import { choosePlan, type Decided, decodedPixels, hoursFor, type Plan } from "./model.js";

/** A configuration that was chosen for given pictures, with the reason for each choice. */
export interface Defaults {
  readonly config: RunConfigInput;
  /** Of its model what suits pictures and machine, without what the method advises. */
  readonly sizes: Readonly<Record<string, unknown>>;
  readonly choices: readonly Choice[];
  /** Guessed before anything was measured; the run measures and says. */
  readonly estimate: { readonly imagesPerSecond: number; readonly hours: number };
  /** What would help, if anything. */
  readonly advice: readonly string[];
}

const usualSchedule = { epochs: 800, reason: "as long as methods are usually trained" };

/**
 * Chooses a configuration for a source. Nothing is allocated; the survey is all that is known of the pictures, and the method says
 * what it needs. @throws ConfigError for a method or a model that is not in the list
 */
export function chooseDefaults(
  source: SourceInput,
  survey: PictureSurvey,
  machine: MachineFacts,
  decided: Decided = {},
): Defaults {
  const holdOut = "path" in source && source.kind !== "fashion-mnist" ? heldOutShare(survey.pictures) : 0;
  const training = Math.max(1, Math.floor(survey.pictures * (1 - holdOut) * 0.98)); // the split is a hash: not exact
  const spec = methods.get(decided.method ?? (methods.names()[0] as string));
  const model = models.get(decided.model ?? spec.usualModel ?? (models.names()[0] as string));
  const ask = (facts: DefaultsFacts): MethodDefaults => advised(spec, facts, models.keysOf(model.name));
  const plan = choosePlan({ survey, machine, decided, model, pictures: training, askMethod: ask });
  const hours = hoursFor(machine, decided);
  const { schedule = usualSchedule } = plan.method;
  const epochs = decided.epochs ?? chooseEpochs(plan.imagesPerSecond * hours * 3600, training, schedule.epochs);
  const isCoupled = couplesBatch(spec, plan.method);
  const batch = chooseBatch({ plan, machine, pictures: training, decided: decided.batchSize, isCoupled });
  const steps = Math.max(1, Math.round(epochs * Math.floor(training / batch.size)));
  const method = ask({ ...plan.facts, length: { epochs, steps, batch: batch.size } });
  const normalisation = chooseNormalisation(survey);
  const config = withSettings(configuration({ source, survey, machine, plan, epochs, holdOut, normalisation }), [
    { path: "method.name", value: spec.name },
    ...settingsOf(method),
    { path: "data.batchSize", value: batch.size },
    { path: "optim.accumulate", value: batch.accumulate },
    ...(batch.checkpointing ? [{ path: "checkpointing", value: true }] : []),
  ]);
  const scheduleReason = epochs === schedule.epochs ? schedule.reason : undefined;
  const { choices } = method;
  const estimate = {
    imagesPerSecond: plan.imagesPerSecond,
    hours: (epochs * training) / plan.imagesPerSecond / 3600,
  };
  return {
    config,
    sizes: plan.size.settings,
    choices: explain({
      ...{ survey, machine, decided, plan, epochs, scheduleReason, batch, holdOut, hours, normalisation, choices },
    }),
    estimate,
    advice: [...nothingToSee(survey), ...leftOut(survey), ...advise(survey, plan, machine)],
  };
}

interface Ingredients {
  readonly source: SourceInput;
  readonly survey: PictureSurvey;
  readonly machine: MachineFacts;
  readonly plan: Plan;
  readonly epochs: number;
  readonly holdOut: number;
  readonly normalisation: Normalisation;
}

function configuration(from: Ingredients): RunConfigInput {
  const { source, survey, machine, plan, epochs, holdOut, normalisation } = from;
  const { model, size, side } = plan;
  const split = holdOut > 0 ? { holdOut } : {};
  return {
    epochs,
    device: machine.device,
    model: { name: model.name, ...size.settings } as unknown as RunConfigInput["model"],
    data: {
      source: { ...source, ...(holdOut > 0 ? { part: "train" as const, ...split } : {}) } as SourceInput,
      ...(holdOut > 0 ? { heldOut: { ...source, part: "heldOut" as const, ...split } as SourceInput } : {}),
      imageSize: side,
      channels: survey.channels,
      mean: normalisation.mean,
      std: normalisation.std,
    },
    optim: { name: "adamw" },
    log: { heldOutEpochs: Math.max(1, Math.round(epochs / 100)) },
  };
}

/** What a method says it needs, but for what the model does not have: whether the two go together is said by who builds them. */
function advised(spec: DefinedMethod, facts: DefaultsFacts, modelKeys: readonly string[]): MethodDefaults {
  const { choices, ...rest } = spec.defaults?.(facts) ?? { choices: [], cost: 1 };
  const has = (key: string): boolean => !key.startsWith("model.") || modelKeys.includes(key.split(".")[1] as string);
  return { ...rest, choices: choices.filter(({ key }) => has(key)) };
}

/** What the method sets, with reasons and without. */
function settingsOf({ settings = {}, choices }: MethodDefaults): Setting[] {
  return [...Object.entries(settings), ...choices.map(({ key, value }) => [key, value] as const)].map(
    ([path, value]) => ({ path, value }),
  );
}

/** Whether micro-batches would change what the method learns, as it would be configured. */
function couplesBatch(spec: DefinedMethod, defaults: MethodDefaults): boolean {
  const own = settingsOf(defaults).filter(({ path }) => path.startsWith("method."));
  const { method } = withSettings({ method: { name: spec.name } }, own);
  return spec.couplesBatch(spec.config.parse(method)) !== undefined;
}

function heldOutShare(pictures: number): number {
  if (pictures < 200) return 0;
  if (pictures < 20_000) return 0.1;
  return pictures < 200_000 ? 0.05 : 0.01;
}

/** As many as fit, in round numbers. */
function chooseEpochs(images: number, training: number, most: number): number {
  const fitting = Math.min(most, Math.max(1, images / training));
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(fitting)) - 1);
  return Math.max(1, Math.floor(fitting / unit) * unit);
}

interface Normalisation {
  readonly mean: number[];
  readonly std: number[];
  readonly reason: string;
}

const flatReasons = {
  all: "all pictures looked at are of one colour",
  some: "a channel has one value in all pictures looked at",
} as const;

function chooseNormalisation({ channels, statistics, flat }: PictureSurvey): Normalisation {
  if (statistics !== undefined) {
    const { mean, std, pictures } = statistics;
    return { mean, std, reason: `measured on ${pictures} of the pictures` };
  }
  const reason = flat === undefined ? "too few pictures to measure" : flatReasons[flat];
  if (channels === 3)
    return { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], reason: `ImageNet's: ${reason}` };
  if (channels === 1) return { mean: [0.459], std: [0.226], reason: `ImageNet's in grey: ${reason}` };
  const each = (value: number): number[] => Array<number>(channels).fill(value);
  return { mean: each(0.5), std: each(0.25), reason: `the middle of the range: ${reason}` };
}

function advise(survey: PictureSurvey, plan: Plan, machine: MachineFacts): string[] {
  const decoding = (machine.cores * decodedPixels) / (survey.pixels ?? 1);
  if (!survey.isFiles || survey.shorterSide === undefined || decoding > 4 * plan.imagesPerSecond) return [];
  const wanted = 2 * plan.side;
  if (survey.shorterSide < 1.5 * wanted) return [];
  return [
    `Decoding pictures of ${survey.shorterSide} px will take much of the time; copies of ${wanted} px on the shorter side would be as good and faster.`,
  ];
}

function nothingToSee({ flat }: PictureSurvey): string[] {
  if (flat !== "all") return [];
  return ["All pictures looked at are of one colour: there is nothing to learn from them. See: lacuna doctor"];
}

const namedEntries = 3;

/** What of the folder is not used, because the system does not give it. */
function leftOut({ unreachable = [] }: PictureSurvey): string[] {
  if (unreachable.length === 0) return [];
  const named = unreachable.slice(0, namedEntries).map(({ path, reason }) => `${path} (${reason})`);
  const more = unreachable.length > namedEntries ? ", …" : "";
  return [
    `Left out, since they cannot be reached: ${unreachable.length}: ${named.join(", ")}${more}. See: lacuna doctor`,
  ];
}
