/**
 * Published recipes for supervised training of a ViT, as defaults by model size. Paper: He et al., CVPR 2022, arXiv
 * 2111.06377, tables 9 (fine-tuning), 10 (linear probing), 11 (from scratch); code: facebookresearch/mae, FINETUNE.md.
 *
 * Where paper and code differ (rate, layer decay and drop path of ViT-B; drop path of L and H) these are the code's, with
 * which the released weights were made. Sizes below B are not in either: they take the paper's table 9.
 */
import { usualModel } from "../models/index.js";
import { vitSizes } from "../models/vit.js";

type Plain = Readonly<Record<string, unknown>>;

export interface Recipe {
  readonly epochs: number;
  readonly model: { readonly name: typeof usualModel.name; readonly dropPath: number };
  readonly pool: "mean" | "class";
  readonly data: { readonly batchSize: number };
  readonly augmentation: Plain;
  readonly optim: Plain & {
    readonly name: string;
    readonly warmupEpochs: number;
    readonly minimumLearningRate: number;
  };
  readonly average?: number;
}

type Size = "small" | "base" | "large" | "huge";

const finetuning = {
  small: { rate: 1e-3, layerDecay: 0.75, dropPath: 0.1, epochs: 100 },
  base: { rate: 5e-4, layerDecay: 0.65, dropPath: 0.1, epochs: 100 },
  large: { rate: 1e-3, layerDecay: 0.75, dropPath: 0.2, epochs: 50 },
  huge: { rate: 1e-3, layerDecay: 0.75, dropPath: 0.3, epochs: 50 },
} as const;

const scratch = {
  small: { dropPath: 0.1, epochs: 300 },
  base: { dropPath: 0.1, epochs: 300 },
  large: { dropPath: 0.2, epochs: 200 },
  huge: { dropPath: 0.2, epochs: 200 },
} as const;

/** The recipe for a configuration as it was written: from a checkpoint or from scratch, how much is trained, what size. */
export function recipeFor(input: Plain): Recipe {
  const size = sizeOf((input["model"] ?? {}) as Plain);
  if (input["trainBlocks"] === 0) return probing;
  return input["from"] === undefined ? fromScratch(size) : finetuningOf(size);
}

function finetuningOf(size: Size): Recipe {
  const { rate, layerDecay, dropPath, epochs } = finetuning[size];
  return {
    epochs,
    model: { ...usualModel, dropPath },
    pool: "mean",
    data: { batchSize: 1024 },
    augmentation: {},
    optim: {
      name: "adamw",
      baseLearningRate: rate,
      betas: [0.9, 0.999],
      weightDecay: 0.05,
      layerDecay,
      warmupEpochs: 5,
      minimumLearningRate: 1e-6,
    },
  };
}

/** Table 10: only crops and flips; the class token behind the final norm. */
const probing: Recipe = {
  epochs: 90,
  model: { ...usualModel, dropPath: 0 },
  pool: "class",
  data: { batchSize: 16384 },
  augmentation: {
    randAugment: { operations: 0 },
    erasing: { probability: 0 },
    mixing: { probability: 0 },
    smoothing: 0,
  },
  optim: {
    name: "lars",
    baseLearningRate: 0.1,
    momentum: 0.9,
    weightDecay: 0,
    warmupEpochs: 10,
    minimumLearningRate: 0,
  },
};

/** Table 11. It names no random erasing. */
function fromScratch(size: Size): Recipe {
  const { dropPath, epochs } = scratch[size];
  return {
    epochs,
    model: { ...usualModel, dropPath },
    pool: "mean",
    data: { batchSize: 4096 },
    augmentation: { erasing: { probability: 0 } },
    optim: {
      name: "adamw",
      baseLearningRate: 1e-4,
      betas: [0.9, 0.95],
      weightDecay: 0.3,
      warmupEpochs: 20,
      minimumLearningRate: 1e-6,
    },
    average: 0.9999,
  };
}

/** The published size that is nearest in width, not above. */
function sizeOf({ size, width }: Plain): Size {
  const named =
    typeof size === "string" && size in vitSizes ? vitSizes[size as keyof typeof vitSizes].width : undefined;
  const wide = typeof width === "number" ? width : (named ?? vitSizes.small.width);
  return (["huge", "large", "base"] as const).find((name) => wide >= vitSizes[name].width) ?? "small";
}
