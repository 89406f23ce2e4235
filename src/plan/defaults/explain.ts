/** Every choice in a line: its value and why. */
import type { PictureSurvey } from "../../data/doctor/survey.js";
import type { DefaultChoice } from "../../models/sizes.js";
import type { BatchChoice } from "./batch.js";
import type { MachineFacts } from "./machine.js";
import type { Decided, Plan } from "./model.js";

/** One value and why. */
export interface Choice {
  /** Path in the configuration: `data.imageSize`. */
  readonly key: string;
  readonly value: string;
  readonly reason: string;
}

export interface Chosen {
  readonly survey: PictureSurvey;
  readonly machine: MachineFacts;
  readonly decided: Decided;
  readonly plan: Plan;
  readonly epochs: number;
  /** Why the run ends there, where it is not for the time that it takes. */
  readonly scheduleReason: string | undefined;
  readonly batch: BatchChoice;
  readonly holdOut: number;
  readonly hours: number;
  readonly normalisation: { readonly mean: number[]; readonly std: number[]; readonly reason: string };
  /** The method's own, the length of the run being known. */
  readonly choices: readonly DefaultChoice[];
}

export function explain(chosen: Chosen): Choice[] {
  const of = (part: string): Choice[] => chosen.choices.filter(({ key }) => key.startsWith(part)).map(shown);
  const [model, ...pictures] = explainModel(chosen);
  return [
    ...(model === undefined ? [] : [model]),
    ...of("method."),
    ...pictures,
    ...explainData(chosen),
    ...explainLength(chosen),
    ...of("optim."),
    explainPrecision(chosen),
  ];
}

function shown({ key, value, shown: words, reason }: DefaultChoice): Choice {
  return { key, value: words ?? (typeof value === "object" ? JSON.stringify(value) : String(value)), reason };
}

const asSaid = (value: unknown, reason: string): string => (value === undefined ? reason : "as you said");

function whereOf({ cores, device }: MachineFacts): string {
  return device === "cuda" ? "a GPU" : `${cores} core${cores === 1 ? "" : "s"}`;
}

function explainModel({ survey, machine, decided, plan }: Chosen): Choice[] {
  const { model, size, side, method } = plan;
  const where = whereOf(machine);
  const median = survey.shorterSide === undefined ? "unknown" : `${survey.shorterSide} px`;
  const fits = `shorter sides are ${median} in the middle; ${where} can afford it`;
  const { modelSettings: given = {} } = decided;
  const isAsked = ["size", ...(model.sized ?? [])].some((key) => given[key] !== undefined);
  const note = method.patches === undefined ? "" : `, ${method.patches}`;
  return [
    {
      key: "model",
      value: `${model.name} ${size.shown}`,
      reason: isAsked ? "as you said" : `${size.name}: what ${survey.pictures} pictures and ${where} are good for`,
    },
    { key: "data.imageSize", value: `${side}`, reason: asSaid(decided.imageSize, fits) },
    ...size.choices.map((choice) => {
      const [, key = ""] = choice.key.split(".");
      return shown({ ...choice, reason: asSaid(given[key], `${choice.reason}${note}`) });
    }),
  ];
}

const channelReasons: Readonly<Record<number, string>> = {
  1: "every picture looked at is grey",
  3: "the pictures have colours",
};

function explainData({ survey, decided, holdOut, normalisation }: Chosen): Choice[] {
  return [
    {
      key: "data.channels",
      value: `${survey.channels}`,
      reason: asSaid(decided.channels, channelReasons[survey.channels] ?? "what the files hold"),
    },
    {
      key: "data.mean, data.std",
      value: `${normalisation.mean.join(" ")}, ${normalisation.std.join(" ")}`,
      reason: normalisation.reason,
    },
    {
      key: "data.heldOut",
      value: holdOut === 0 ? "none" : `${100 * holdOut} %`,
      reason: holdOut === 0 ? "too few pictures, or a set with a test part" : "never trained on: shows overfitting",
    },
  ];
}

function explainLength({ decided, epochs, scheduleReason, batch, hours }: Chosen): Choice[] {
  const { size, accumulate, checkpointing } = batch;
  const again = {
    key: "checkpointing",
    value: "true",
    reason: "activations of such a batch do not fit: a third more time",
  };
  const length = scheduleReason ?? `about ${hours} hours`;
  return [
    {
      key: "data.batchSize",
      value: accumulate === 1 ? `${size}` : `${size} in ${accumulate} parts`,
      reason: asSaid(decided.batchSize, batch.reason),
    },
    ...(checkpointing ? [again] : []),
    decided.minutes === undefined
      ? { key: "epochs", value: `${epochs}`, reason: asSaid(decided.epochs, length) }
      : { key: "epochs", value: `about ${epochs}`, reason: `${decided.minutes} min, as you said` },
  ];
}

function explainPrecision({ machine: { device, bfloat16 } }: Chosen): Choice {
  const chip = device === "cuda" ? "GPU" : "CPU";
  return {
    key: "precision",
    value: bfloat16 ? "bfloat16" : "float32",
    reason: `this ${chip} ${bfloat16 ? "has" : "lacks"} bfloat16 in hardware`,
  };
}
