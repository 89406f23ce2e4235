/** What a run is made of when only its pictures are given: chosen from them and from the machine, each with a reason. */

import type { PictureSurvey } from "../data/doctor/survey.js";
import type { SourceInput } from "../data/source.js";
import { checkDevice, defaultPrecision } from "../engine/device.js";
import { machineLimits } from "../engine/limits.js";
import type { RunConfigInput } from "./config.js";

export interface MachineFacts {
  readonly cores: number;
  readonly memoryBytes: number;
  readonly device: "cpu" | "cuda";
  /** Matrix products in bfloat16, in hardware. */
  readonly bfloat16: boolean;
}

/** One value and why. */
export interface Choice {
  /** Path in the configuration: `data.imageSize`. */
  readonly key: string;
  readonly value: string;
  readonly reason: string;
}

export interface Defaults {
  readonly config: RunConfigInput;
  readonly choices: readonly Choice[];
  /** Guessed before anything was measured; the run measures and says. */
  readonly estimate: { readonly imagesPerSecond: number; readonly hours: number };
  /** What would help, if anything. */
  readonly advice: readonly string[];
}

/** What the person who asks has already decided; the rest is chosen to fit. */
export interface Decided {
  readonly imageSize?: number;
  readonly patchSize?: number;
  readonly batchSize?: number;
  readonly epochs?: number;
  readonly channels?: number;
  readonly device?: string;
}

/** Looks at this machine; asks libtorch whether there is a GPU. */
export function machineFacts(wanted?: string): MachineFacts {
  const device = wanted?.startsWith("cpu") !== true && hasCuda() ? "cuda" : "cpu";
  return { ...machineLimits(), device, bfloat16: defaultPrecision(device) === "bfloat16" };
}

function hasCuda(): boolean {
  try {
    checkDevice("cuda");
    return true;
  } catch {
    return false;
  }
}

interface Size {
  readonly name: string;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly decoder: { readonly width: number; readonly depth: number; readonly heads: number };
  readonly baseLearningRate: number;
  /** From so many pictures on. */
  readonly pictures: number;
}

/**
 * Models from the largest to the smallest. Decoders shrink with their encoders (mae.md section 5: a full one would dwarf
 * them). Rates: the paper's for base; the smallest is the reference run's on CIFAR-10, and small lies between.
 */
const sizes: readonly Size[] = [
  model("base", [768, 12, 12], [512, 8, 16], 1.5e-4, 200_000),
  model("small", [384, 12, 6], [256, 4, 8], 3e-4, 20_000),
  model("tiny", [192, 12, 3], [128, 2, 4], 6e-4, 2_000),
  model("half of tiny", [192, 6, 3], [96, 2, 3], 6e-4, 0),
];

function model(name: string, encoder: number[], decoder: number[], baseLearningRate: number, pictures: number): Size {
  const of = ([width = 0, depth = 0, heads = 0]: number[]) => ({ width, depth, heads });
  return { name, ...of(encoder), decoder: of(decoder), baseLearningRate, pictures };
}

const sides = [224, 192, 160, 128, 96, 64, 48];

/**
 * Multiply-adds a second that training reaches: two cores with bfloat16 make the 60 million of the CIFAR-10 model, three
 * times for forward and backward, 512 times a second; float32 a third of it. A GPU with small models: far from its best.
 */
const speed = { cpuBfloat16: 45e9, cpuFloat32: 15e9, cuda: 20e12 };
/** Pixels that one core decodes in a second (500 × 375 JPEGs: 340 a second, as measured for sharp). */
const decodedPixels = 64e6;
const targetHours = { cpu: 3, cuda: 6 };
/** Below this a run has hardly seen its pictures. */
const usefulImages = 300_000;
const usefulEpochs = 50;
const mostEpochs = 800; // the paper's shorter schedule

interface Plan {
  readonly side: number;
  readonly patch: number;
  readonly size: Size;
  readonly imagesPerSecond: number;
}

/** Chooses a configuration for a source. Nothing is allocated; the survey is all that is known of the pictures. */
export function chooseDefaults(
  source: SourceInput,
  survey: PictureSurvey,
  machine: MachineFacts,
  decided: Decided = {},
): Defaults {
  const holdOut = "path" in source && source.kind !== "fashion-mnist" ? heldOutShare(survey.pictures) : 0;
  const training = Math.max(1, Math.floor(survey.pictures * (1 - holdOut) * 0.98)); // the split is a hash: not exact
  const plan = choosePlan(survey, machine, decided);
  const hours = targetHours[machine.device];
  const epochs = decided.epochs ?? chooseEpochs(plan.imagesPerSecond * hours * 3600, training);
  const batch = decided.batchSize ?? chooseBatch(training, machine.device);
  const accumulate = chooseAccumulation(plan, batch, machine);
  const normalisation = chooseNormalisation(survey);
  const { size, side, patch } = plan;
  const split = holdOut > 0 ? { holdOut } : {};
  const config: RunConfigInput = {
    epochs,
    device: machine.device,
    model: { name: "vit", width: size.width, depth: size.depth, heads: size.heads, patchSize: patch },
    method: {
      name: "mae",
      decoder: { ...size.decoder },
      augmentation: (survey.shorterSide ?? side) < 64 ? "fixedCrop" : "randomCrop",
    },
    data: {
      source: { ...source, ...(holdOut > 0 ? { part: "train" as const, ...split } : {}) } as SourceInput,
      ...(holdOut > 0 ? { heldOut: { ...source, part: "heldOut" as const, ...split } as SourceInput } : {}),
      imageSize: side,
      channels: survey.channels,
      batchSize: batch,
      mean: normalisation.mean,
      std: normalisation.std,
    },
    optim: { name: "adamw", baseLearningRate: size.baseLearningRate, accumulate },
    log: { heldOutEpochs: Math.max(1, Math.round(epochs / 100)) },
  };
  const estimate = {
    imagesPerSecond: plan.imagesPerSecond,
    hours: (epochs * training) / plan.imagesPerSecond / 3600,
  };
  const choices = explain({ survey, machine, decided, plan, epochs, batch, accumulate, holdOut, hours, normalisation });
  return { config, choices, estimate, advice: advise(survey, plan, machine) };
}

function heldOutShare(pictures: number): number {
  if (pictures < 200) return 0;
  if (pictures < 20_000) return 0.1;
  return pictures < 200_000 ? 0.05 : 0.01;
}

/** The largest pictures, then the largest model, with which a useful run ends in time. */
function choosePlan(survey: PictureSurvey, machine: MachineFacts, decided: Decided): Plan {
  const hours = 2 * targetHours[machine.device];
  const wanted = Math.max(usefulImages, usefulEpochs * survey.pictures);
  const allowed = sizes.filter(({ pictures }) => survey.pictures >= pictures);
  const plans = chooseSides(survey, decided).flatMap((side) =>
    allowed.map((size) => {
      const patch = decided.patchSize ?? choosePatch(side);
      return { side, patch, size, imagesPerSecond: guessSpeed(side, patch, size, survey, machine) };
    }),
  );
  const inTime = plans.find(({ imagesPerSecond }) => wanted / imagesPerSecond / 3600 <= hours);
  const fastest = plans.reduce((a, b) => (b.imagesPerSecond > a.imagesPerSecond ? b : a));
  return inTime ?? fastest;
}

function chooseSides({ shorterSide = 224 }: PictureSurvey, { imageSize, patchSize }: Decided): number[] {
  if (imageSize !== undefined) return [imageSize];
  const step = patchSize ?? 1;
  const fitting = sides.filter((side) => side <= shorterSide && side % step === 0);
  if (fitting.length > 0) return fitting;
  const multiple = patchSize ?? 4;
  return [Math.max(2 * multiple, Math.floor(shorterSide / multiple) * multiple)];
}

/** Grids of 6 to 14 patches a side; a side that is a person's own choice may need another divisor. */
function choosePatch(side: number): number {
  const usual = side >= 112 ? 16 : side >= 48 ? 8 : 4;
  const others = Array.from({ length: 31 }, (_, i) => 32 - i).filter((patch) => side / patch >= 4);
  return [usual, ...others].find((patch) => side % patch === 0) ?? 1;
}

/** Multiply-adds of a picture's forward pass with three quarters of it hidden: blocks only. */
function multiplyAdds(side: number, patch: number, { width, depth, decoder }: Size): number {
  const patches = (side / patch) ** 2;
  const blocks = (tokens: number, d: number, n: number): number => n * tokens * (12 * d * d + 2 * tokens * d);
  return blocks(1 + patches / 4, width, depth) + blocks(1 + patches, decoder.width, decoder.depth);
}

function guessSpeed(side: number, patch: number, size: Size, survey: PictureSurvey, machine: MachineFacts): number {
  const { cores, device, bfloat16 } = machine;
  const rate = device === "cuda" ? speed.cuda : cores * (bfloat16 ? speed.cpuBfloat16 : speed.cpuFloat32);
  const training = rate / (3 * multiplyAdds(side, patch, size));
  if (!survey.isFiles) return training;
  const decoding = (cores * decodedPixels) / (survey.pixels ?? 500 * 375);
  // On a CPU both share the cores; beside a GPU they overlap.
  return device === "cuda" ? Math.min(training, decoding) : 1 / (1 / training + 1 / decoding);
}

/** As many as fit, in round numbers. */
function chooseEpochs(images: number, training: number): number {
  const fitting = Math.min(mostEpochs, Math.max(1, images / training));
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(fitting)) - 1);
  return Math.max(1, Math.floor(fitting / unit) * unit);
}

/** A power of two that leaves at least sixteen steps an epoch, where there are pictures enough. */
function chooseBatch(training: number, device: MachineFacts["device"]): number {
  const most = device === "cuda" ? 1024 : 256;
  const fitting = Math.min(most, Math.max(training / 16, Math.min(8, training)));
  return 2 ** Math.floor(Math.log2(fitting));
}

/** So many micro-batches that activations take a quarter of the memory: 16 numbers of 4 bytes a token, width and block. */
function chooseAccumulation({ side, patch, size }: Plan, batch: number, machine: MachineFacts): number {
  const patches = (side / patch) ** 2;
  const tokens = (1 + patches / 4) * size.width * size.depth + (1 + patches) * size.decoder.width * size.decoder.depth;
  const room = machine.device === "cuda" ? 12 * 2 ** 30 : machine.memoryBytes / 4;
  let accumulate = 1;
  while (accumulate < batch && batch % (2 * accumulate) === 0 && (batch / accumulate) * tokens * 64 > room)
    accumulate *= 2;
  return accumulate;
}

interface Normalisation {
  readonly mean: number[];
  readonly std: number[];
  readonly reason: string;
}

function chooseNormalisation({ channels, statistics }: PictureSurvey): Normalisation {
  if (statistics !== undefined) {
    const { mean, std, pictures } = statistics;
    return { mean, std, reason: `measured on ${pictures} of the pictures` };
  }
  const reason = "too few pictures to measure";
  if (channels === 3)
    return { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], reason: `ImageNet's: ${reason}` };
  if (channels === 1) return { mean: [0.459], std: [0.226], reason: `ImageNet's in grey: ${reason}` };
  const each = (value: number): number[] => Array<number>(channels).fill(value);
  return { mean: each(0.5), std: each(0.25), reason: `the middle of the range: ${reason}` };
}

interface Chosen {
  readonly survey: PictureSurvey;
  readonly machine: MachineFacts;
  readonly decided: Decided;
  readonly plan: Plan;
  readonly epochs: number;
  readonly batch: number;
  readonly accumulate: number;
  readonly holdOut: number;
  readonly hours: number;
  readonly normalisation: Normalisation;
}

function explain(chosen: Chosen): Choice[] {
  return [...explainModel(chosen), ...explainData(chosen), ...explainTraining(chosen)];
}

const asSaid = (value: unknown, reason: string): string => (value === undefined ? reason : "as you said");

function whereOf({ cores, device }: MachineFacts): string {
  return device === "cuda" ? "a GPU" : `${cores} core${cores === 1 ? "" : "s"}`;
}

function explainModel({ survey, machine, decided, plan }: Chosen): Choice[] {
  const { size, side, patch } = plan;
  const where = whereOf(machine);
  const median = survey.shorterSide === undefined ? "unknown" : `${survey.shorterSide} px`;
  const grid = `${side / patch} × ${side / patch} = ${(side / patch) ** 2} patches, three of four hidden`;
  const fits = `shorter sides are ${median} in the middle; ${where} can afford it`;
  return [
    {
      key: "model",
      value: `vit ${size.width} × ${size.depth}, ${size.heads} heads`,
      reason: `${size.name}: what ${survey.pictures} pictures and ${where} are good for`,
    },
    {
      key: "method.decoder",
      value: `${size.decoder.width} × ${size.decoder.depth}, ${size.decoder.heads} heads`,
      reason: "small beside its encoder; thrown away after training",
    },
    { key: "data.imageSize", value: `${side}`, reason: asSaid(decided.imageSize, fits) },
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

function explainTraining({ machine, decided, plan, epochs, batch, accumulate, hours }: Chosen): Choice[] {
  const { size } = plan;
  const chip = machine.device === "cuda" ? "GPU" : "CPU";
  const length = epochs === mostEpochs ? "the paper's shorter schedule" : `about ${hours} hours`;
  return [
    {
      key: "data.batchSize",
      value: accumulate === 1 ? `${batch}` : `${batch} in ${accumulate} parts`,
      reason: asSaid(
        decided.batchSize,
        accumulate === 1 ? "for 16 steps an epoch, but at least 8" : "parts that fit in memory",
      ),
    },
    { key: "epochs", value: `${epochs}`, reason: asSaid(decided.epochs, length) },
    {
      key: "optim.baseLearningRate",
      value: `${size.baseLearningRate}`,
      reason: size.width >= 768 ? "the paper's" : "a narrow model bears more than the paper's 1.5e-4",
    },
    {
      key: "precision",
      value: machine.bfloat16 ? "bfloat16" : "float32",
      reason: `this ${chip} ${machine.bfloat16 ? "has" : "lacks"} bfloat16 in hardware`,
    },
  ];
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
