/** Every choice in a line: its value and why. */
import type { PictureSurvey } from "../../data/doctor/survey.js";
import type { DefaultChoice } from "../../methods/defaults.js";
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
  const { size, side, patch, method } = plan;
  const where = whereOf(machine);
  const median = survey.shorterSide === undefined ? "unknown" : `${survey.shorterSide} px`;
  const note = method.patches === undefined ? "" : `, ${method.patches}`;
  const grid = `${side / patch} × ${side / patch} = ${(side / patch) ** 2} patches${note}`;
  const fits = `shorter sides are ${median} in the middle; ${where} can afford it`;
  const pictures = { key: "data.imageSize", value: `${side}`, reason: asSaid(decided.imageSize, fits) };
  const other = decided.model ?? method.model ?? "vit";
  if (other !== "vit") {
    const reason = asSaid(decided.model, "what the method is made for; its own size");
    return [{ key: "model", value: other, reason }, pictures];
  }
  return [
    {
      key: "model",
      value: `vit ${size.width} × ${size.depth}, ${size.heads} heads`,
      reason: `${size.name}: what ${survey.pictures} pictures and ${where} are good for`,
    },
    pictures,
    { key: "model.patchSize", value: `${patch}`, reason: asSaid(decided.patchSize, grid) },
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
    { key: "epochs", value: `${epochs}`, reason: asSaid(decided.epochs, length) },
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
