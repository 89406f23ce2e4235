/** Runs made well or sick on purpose, trained in seconds: what the verdict's limits are measured on and tested with. */
import { join } from "node:path";
import type { RunConfigInput } from "../../src/train/config.js";
import type { PictureKind } from "./pictures.js";

export interface VerdictCase {
  readonly name: string;
  /** What is wrong, as the verdict is to name it; undefined where nothing is. */
  readonly suspect?: string;
  /** Which pictures: grey of a kind, or colour. */
  readonly pictures: PictureKind | "colour";
  readonly config: RunConfigInput;
  /** What no configuration says: the encoder is frozen, or begins with the weights of the first case. */
  readonly hook?: "freezeEncoder" | "weightsOfFirst";
}

type Changes = {
  -readonly [K in "model" | "method" | "data" | "optim"]?: Partial<NonNullable<RunConfigInput[K]>>;
} & { epochs?: number; precision?: "bfloat16" | "float32" };

/** @param work where the pictures lie: `shapes`, `shuffled`, `constant`, `colour` */
function config(work: string, pictures: VerdictCase["pictures"], changes: Changes = {}): RunConfigInput {
  const grey = (split: "train" | "test") => ({ kind: "fashion-mnist", split, path: join(work, pictures) }) as const;
  const part = (name: "train" | "heldOut") =>
    ({ kind: "folder", path: join(work, "colour"), part: name, holdOut: 0.2 }) as const;
  const isColour = pictures === "colour";
  return {
    seed: 0,
    epochs: changes.epochs ?? 20,
    precision: changes.precision ?? "float32",
    model: { name: "vit", width: 48, depth: 3, heads: 3, patchSize: 4, ...changes.model },
    method: { name: "mae", augmentation: "fixedCrop", decoder: { width: 32, depth: 1, heads: 2 }, ...changes.method },
    data: {
      source: isColour ? part("train") : grey("train"),
      heldOut: isColour ? part("heldOut") : grey("test"),
      imageSize: 24,
      channels: isColour ? 3 : 1,
      batchSize: 64,
      workers: 0,
      mean: isColour ? [0.38, 0.38, 0.38] : [0.4],
      std: isColour ? [0.25, 0.24, 0.26] : [0.22],
      ...changes.data,
    },
    optim: { name: "adamw", baseLearningRate: 8e-3, ...changes.optim },
    log: { previewPictures: 0, heldOutEpochs: 4, probe: { everyEpochs: 4, bank: 400, queries: 200, linear: false } },
  } as RunConfigInput;
}

/** The first one is the plain case. */
export function healthyCases(work: string): VerdictCase[] {
  const well = (
    name: string,
    changes: Changes = {},
    more: Pick<VerdictCase, "hook"> & { pictures?: VerdictCase["pictures"] } = {},
  ): VerdictCase => {
    const { pictures = "shapes", ...hook } = more;
    return { name, pictures, config: config(work, pictures, changes), ...hook };
  };
  return [
    well("plain"),
    well("colour, crops of random size", { method: { augmentation: "randomCrop" } }, { pictures: "colour" }),
    well("mask ratio 0.5", { method: { maskRatio: 0.5 } }),
    well("mask ratio 0.9, block masks", { method: { maskRatio: 0.9, mask: "block" } }),
    well("raw pixels as targets", { method: { normalizeTargets: false } }),
    well("batch of 16", { data: { batchSize: 16 }, epochs: 6, optim: { baseLearningRate: 2e-2 } }),
    well("batch of 256", { data: { batchSize: 256 }, epochs: 60, optim: { baseLearningRate: 3e-3 } }),
    well("a third of the rate", { optim: { baseLearningRate: 2.7e-3 }, epochs: 25 }),
    well("twice the rate", { optim: { baseLearningRate: 1.6e-2 } }),
    well("larger model, bfloat16", { model: { width: 96, depth: 6 }, epochs: 15, precision: "bfloat16" }),
    well("patches of 6, no augmentation", { model: { patchSize: 6 }, method: { augmentation: "none" } }),
    // The same without a warm-up is sick below.
    well("three times the rate, six blocks", {
      optim: { baseLearningRate: 2.5e-2, warmupEpochs: 3 },
      model: { depth: 6 },
    }),
    well("continued from other weights", { optim: { baseLearningRate: 4e-3 } }, { hook: "weightsOfFirst" }),
  ];
}

export function sickCases(work: string): VerdictCase[] {
  const ill = (
    suspect: string,
    name: string,
    changes: Changes,
    more: Pick<VerdictCase, "hook"> & { pictures?: VerdictCase["pictures"] } = {},
  ): VerdictCase => {
    const { pictures = "shapes", ...hook } = more;
    return { name, suspect, pictures, config: config(work, pictures, changes), ...hook };
  };
  const noise = { mean: [0], std: [1 / 255] };
  return [
    ill("learning-rate", "rate × 30", { optim: { baseLearningRate: 30 * 8e-3 } }),
    ill("warm-up", "no warm-up where it does harm", {
      optim: { baseLearningRate: 2.5e-2, warmupEpochs: 0 },
      model: { depth: 6 },
    }),
    ill("normalisation", "pixels of 0 to 255", { data: noise }),
    ill("normalisation", "statistics of 0 to 255 for pixels of 0 to 1", { data: { mean: [102], std: [56] } }),
    ill("shuffled-patches", "patches in random order", {}, { pictures: "shuffled" }),
    ill("constant-pictures", "pictures of one colour", {}, { pictures: "constant" }),
    ill("weight-decay", "features collapsed by weight decay", { optim: { weightDecay: 60 } }),
    ill("frozen-encoder", "encoder frozen", {}, { hook: "freezeEncoder" }),
  ];
}
