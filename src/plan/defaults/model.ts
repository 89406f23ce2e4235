/** Size of the pictures, and of a model for them: as large as ends in time. */
import type { PictureSurvey } from "../../data/doctor/survey.js";
import type { DefaultsFacts, MethodDefaults } from "../../methods/defaults.js";
import type { DefinedModel } from "../../models/index.js";
import { blockMultiplyAdds, type ModelSize, type SizeFacts } from "../../models/sizes.js";
import type { MachineFacts } from "./machine.js";

const sides = [224, 192, 160, 128, 96, 64, 48];

/**
 * Multiply-adds a second that training reaches: two cores with bfloat16 make the 60 million of the CIFAR-10 model, three
 * times for forward and backward, 512 times a second; float32 a third of it. A GPU with small models: far from its best.
 */
const speed = { cpuBfloat16: 45e9, cpuFloat32: 15e9, cuda: 20e12 };
/** Pixels that one core decodes in a second (500 × 375 JPEGs: 340 a second, as measured for sharp). */
export const decodedPixels = 64e6;
const targetHours = { cpu: 3, cuda: 6 };
/** Below this a run has hardly seen its pictures. */
const usefulImages = 300_000;
const usefulEpochs = 50;

export interface Plan {
  readonly side: number;
  readonly model: DefinedModel;
  readonly size: ModelSize;
  readonly imagesPerSecond: number;
  /** What the method was told of it. */
  readonly facts: DefaultsFacts;
  /** What the method says of it. */
  readonly method: MethodDefaults;
}

/** What the person who asks has already decided; the rest is chosen to fit. */
export interface Decided {
  /** By name; the first of the list if absent. */
  readonly method?: string;
  /** By name; the method's usual one, or the first of the list, if absent. */
  readonly model?: string;
  /** Keys below `model.`: `{ size: "base" }`. */
  readonly modelSettings?: Readonly<Record<string, unknown>>;
  readonly imageSize?: number;
  readonly batchSize?: number;
  readonly epochs?: number;
  /** How long the run is to take. */
  readonly minutes?: number;
  readonly channels?: number;
  readonly device?: string;
}

/** Hours that a run is chosen for. */
export function hoursFor({ device }: MachineFacts, { minutes }: Decided): number {
  return minutes === undefined ? targetHours[device] : minutes / 60;
}

export interface PlanFacts {
  readonly survey: PictureSurvey;
  readonly machine: MachineFacts;
  readonly decided: Decided;
  readonly model: DefinedModel;
  /** To train on. */
  readonly pictures: number;
  askMethod(facts: DefaultsFacts): MethodDefaults;
}

/** The largest pictures, then the largest model, with which a useful run ends in time. */
export function choosePlan({ survey, machine, decided, model, pictures, askMethod }: PlanFacts): Plan {
  const hours = 2 * hoursFor(machine, decided);
  const wanted = Math.max(usefulImages, usefulEpochs * survey.pictures);
  const { shorterSide, channels } = survey;
  const { device, cores } = machine;
  const plans = chooseSides(model, survey, decided).flatMap(({ side, offered }) =>
    offered
      .filter((size) => survey.pictures >= size.pictures)
      .map((size): Plan => {
        const { width, depth, patches, multiplyAdds, windows } = size;
        const encoder = { width, depth, patches, multiplyAdds, windows };
        const facts = { pictures, shorterSide, side, channels, ...encoder, device, cores };
        const method = askMethod(facts);
        const imagesPerSecond = guessSpeed(method.cost * multiplyAdds, survey, machine);
        return { side, model, size, imagesPerSecond, facts, method };
      }),
  );
  const inTime = plans.find(({ imagesPerSecond }) => wanted / imagesPerSecond / 3600 <= hours);
  const fastest = plans.reduce((a, b) => (b.imagesPerSecond > a.imagesPerSecond ? b : a));
  return inTime ?? fastest;
}

interface OfferedSide {
  readonly side: number;
  /** Not empty. */
  readonly offered: readonly ModelSize[];
}

/** Sides of pictures, from the largest to the smallest, with the sizes of the model that take them. */
function chooseSides(
  model: DefinedModel,
  { shorterSide = 224, channels }: PictureSurvey,
  decided: Decided,
): OfferedSide[] {
  const { imageSize, modelSettings: given = {} } = decided;
  const at = (side: number): OfferedSide => ({ side, offered: sizesOf(model, { side, channels, given }) });
  const hasOffers = ({ offered }: OfferedSide): boolean => offered.some(({ patches }) => patches >= 4);
  if (imageSize !== undefined) {
    const found = at(imageSize);
    return [found.offered.length > 0 ? found : { side: imageSize, offered: [ownSize(imageSize)] }];
  }
  const fitting = sides
    .filter((side) => side <= shorterSide)
    .map(at)
    .filter(hasOffers);
  if (fitting.length > 0) return fitting;
  // Small pictures keep their size as nearly as the model allows; only the smallest are enlarged.
  const unit = Object.keys(given).length > 0 ? 1 : 4;
  const most = Math.floor(shorterSide / unit);
  const smaller = Array.from({ length: most }, (_, i) => (most - i) * unit);
  const larger = Array.from({ length: 128 }, (_, i) => (most + 1 + i) * unit);
  for (const side of [...smaller, ...larger]) {
    const found = at(side);
    if (hasOffers(found)) return [found];
  }
  return [{ side: Math.max(1, Math.floor(shorterSide)), offered: [ownSize(shorterSide)] }];
}

function sizesOf(model: DefinedModel, facts: SizeFacts): readonly ModelSize[] {
  return model.offers === undefined ? [ownSize(facts.side)] : model.offers(facts);
}

/** Of a model that says nothing of sizes: its own, taken to cost what a ViT-Ti does. */
function ownSize(side: number): ModelSize {
  const [width, depth, patches] = [192, 12, Math.max(4, (side / 16) ** 2)];
  return {
    ...{ name: "its own size", shown: "its own size", pictures: 0, settings: {}, choices: [], width, depth, patches },
    multiplyAdds: blockMultiplyAdds(1 + patches, width, depth),
    activations: (1 + patches) * width * depth,
  };
}

/** @param multiplyAdds of a picture's forward pass in training; backward is twice as much */
function guessSpeed(multiplyAdds: number, survey: PictureSurvey, { cores, device, bfloat16 }: MachineFacts): number {
  const rate = device === "cuda" ? speed.cuda : cores * (bfloat16 ? speed.cpuBfloat16 : speed.cpuFloat32);
  const training = rate / (3 * multiplyAdds);
  if (!survey.isFiles) return training;
  const decoding = (cores * decodedPixels) / (survey.pixels ?? 500 * 375);
  // On a CPU both share the cores; beside a GPU they overlap.
  return device === "cuda" ? Math.min(training, decoding) : 1 / (1 / training + 1 / decoding);
}
