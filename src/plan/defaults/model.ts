/** Size of the pictures, and a ViT for them: as large as ends in time. */
import type { PictureSurvey } from "../../data/doctor/survey.js";
import { blockMultiplyAdds, type DefaultsFacts, type MethodDefaults } from "../../methods/defaults.js";
import type { MachineFacts } from "./machine.js";

export interface ModelSize {
  readonly name: string;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  /** From so many pictures on. */
  readonly pictures: number;
}

/** From the largest to the smallest. */
const sizes: readonly ModelSize[] = [
  { name: "base", width: 768, depth: 12, heads: 12, pictures: 200_000 },
  { name: "small", width: 384, depth: 12, heads: 6, pictures: 20_000 },
  { name: "tiny", width: 192, depth: 12, heads: 3, pictures: 2_000 },
  { name: "half of tiny", width: 192, depth: 6, heads: 3, pictures: 0 },
];

const sides = [224, 192, 160, 128, 96, 64, 48];

/**
 * Multiply-adds a second that training reaches: two cores with bfloat16 make the 60 million of the CIFAR-10 model, three
 * times for forward and backward, 512 times a second; float32 a third of it. A GPU with small models: far from its best.
 */
const speed = { cpuBfloat16: 45e9, cpuFloat32: 15e9, cuda: 20e12 };
/** Pixels that one core decodes in a second (500 × 375 JPEGs: 340 a second, as measured for sharp). */
export const decodedPixels = 64e6;
export const targetHours = { cpu: 3, cuda: 6 };
/** Below this a run has hardly seen its pictures. */
const usefulImages = 300_000;
const usefulEpochs = 50;

export interface Plan {
  readonly side: number;
  readonly patch: number;
  readonly size: ModelSize;
  readonly imagesPerSecond: number;
  /** What the method was told of it. */
  readonly facts: DefaultsFacts;
  /** What the method says of it. */
  readonly method: MethodDefaults;
}

/** What the person who asks has already decided; the rest is chosen to fit. */
export interface Decided {
  /** By name; `mae` if absent. */
  readonly method?: string;
  /** By name; the method's, or `vit`, if absent. */
  readonly model?: string;
  readonly imageSize?: number;
  readonly patchSize?: number;
  readonly batchSize?: number;
  readonly epochs?: number;
  readonly channels?: number;
  readonly device?: string;
}

/** The largest pictures, then the largest model, with which a useful run ends in time. @param pictures to train on */
export function choosePlan(
  survey: PictureSurvey,
  machine: MachineFacts,
  decided: Decided,
  pictures: number,
  askMethod: (facts: DefaultsFacts) => MethodDefaults,
): Plan {
  const hours = 2 * targetHours[machine.device];
  const wanted = Math.max(usefulImages, usefulEpochs * survey.pictures);
  const allowed = sizes.filter((size) => survey.pictures >= size.pictures);
  const plans = chooseSides(survey, decided).flatMap((side) =>
    allowed.map((size): Plan => {
      const patch = decided.patchSize ?? choosePatch(side);
      const { width, depth } = size;
      const { shorterSide, channels } = survey;
      const { device, cores } = machine;
      const patches = (side / patch) ** 2;
      const facts = { pictures, shorterSide, side, channels, width, depth, patches, device, cores };
      const method = askMethod(facts);
      const multiplyAdds = method.cost * blockMultiplyAdds(1 + patches, width, depth);
      return { side, patch, size, imagesPerSecond: guessSpeed(multiplyAdds, survey, machine), facts, method };
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

/** @param multiplyAdds of a picture's forward pass in training; backward is twice as much */
function guessSpeed(multiplyAdds: number, survey: PictureSurvey, { cores, device, bfloat16 }: MachineFacts): number {
  const rate = device === "cuda" ? speed.cuda : cores * (bfloat16 ? speed.cpuBfloat16 : speed.cpuFloat32);
  const training = rate / (3 * multiplyAdds);
  if (!survey.isFiles) return training;
  const decoding = (cores * decodedPixels) / (survey.pixels ?? 500 * 375);
  // On a CPU both share the cores; beside a GPU they overlap.
  return device === "cuda" ? Math.min(training, decoding) : 1 / (1 / training + 1 / decoding);
}
