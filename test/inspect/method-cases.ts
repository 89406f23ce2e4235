/** Small runs of methods that say their health by signals, well and sick: bench/verdict/methods.mjs trains them. */
import { join } from "node:path";
import { z } from "zod";
import { type Batch, defineMethod, type Loss, type Step } from "../../src/methods/method.js";
import { MocoV3, mocoV3, mocoV3Config } from "../../src/methods/siamese/moco-v3.js";
import { Simclr, simclr, simclrConfig } from "../../src/methods/siamese/simclr.js";
import { normalize } from "../../src/tensor/functional.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { PretrainInput } from "../../src/train/definitions.js";

type Views = Batch<"first" | "second">;

/** first, second [B C H W] -> how far two views are apart []: pulled together, with nothing that keeps pictures apart */
function distance(method: MocoV3 | Simclr, { first, second }: Views): Tensor {
  const project = (image: Tensor): Tensor => normalize(method.projector.call(method.features(image)).float()); // [B D]
  return project(first).sub(project(second)).pow(2).sum([1]).mean();
}

/** No negatives, no predictor, no teacher; logged is what a run logs that is well. */
class WithoutContrast extends MocoV3 {
  protected override forward(batch: Views, step: Step): Loss {
    return { ...super.forward(batch, step), total: distance(this, batch) };
  }
}

/** No negatives. */
class WithoutNegatives extends Simclr {
  protected override forward(batch: Views, step: Step): Loss {
    return { ...super.forward(batch, step), total: distance(this, batch) };
  }
}

const simclrWithoutNegatives = defineMethod({
  name: "simclrWithoutNegatives",
  config: simclrConfig.extend({ name: z.literal("simclrWithoutNegatives").default("simclrWithoutNegatives") }),
  encoders: simclr.encoders,
  views: (config, image) => simclr.views({ ...config, name: "simclr" }, image) as never,
  build: (config, makeEncoder) => new WithoutNegatives({ ...config, name: "simclr" }, makeEncoder(), makeEncoder),
});

const mocoWithoutContrast = defineMethod({
  name: "mocoWithoutContrast",
  config: mocoV3Config.extend({ name: z.literal("mocoWithoutContrast").default("mocoWithoutContrast") }),
  encoders: mocoV3.encoders,
  views: (config, image) => mocoV3.views({ ...config, name: "mocoV3" }, image) as never,
  build: (config, makeEncoder) => new WithoutContrast({ ...config, name: "mocoV3" }, makeEncoder(), makeEncoder),
});

export interface MethodCase {
  readonly name: string;
  /** The signal that is to name what is wrong; undefined where nothing is. */
  readonly signal?: string;
  readonly config: PretrainInput;
}

type Model = NonNullable<PretrainInput["model"]>;

/** @param work where the pictures lie: `shapes`, and `wrong`, the same with classes that have nothing to do with them */
export function methodCases(work: string): MethodCase[] {
  const decoder = { width: 32, depth: 1, heads: 2 };
  const supmae = { name: "supmae", classes: 4, decoder, hidden: 64 } as const;
  const convnext: Model = { name: "convnextV2", widths: [16, 16, 32, 64], depths: [1, 1, 1, 1], stem: 1 };
  const resnet: Model = { name: "resnet", size: "resnet18", depths: [1, 1, 1, 1], width: 16, stem: "cifar" };
  const simsiam = {
    name: "simsiam",
    projector: { layers: 2, hidden: 64, output: 64 },
    predictor: { hidden: 16 },
  } as const;
  const sgd = { name: "sgd", baseLearningRate: 0.2, weightDecay: 5e-4, warmupEpochs: 0 } as const;
  const lars = { name: "lars", baseLearningRate: 1, weightDecay: 1e-4, warmupEpochs: 2 } as const;
  const contrast = { temperature: 0.5, augmentation: { strength: 0.5, blur: false } };
  const byol = {
    name: "byol",
    momentum: { from: 0.97, to: 1 },
    projector: { hidden: 128, output: 64 },
    predictor: { hidden: 128 },
    augmentation: { blur: false },
  } as const;
  const heads = { projector: { hidden: 128, output: 64 }, predictor: { hidden: 128 } };
  const crops = { locals: 4, localSize: 12, blur: false };
  const dino = {
    name: "dino",
    outputs: 64,
    projector: { hidden: 64, bottleneck: 32, frozenEpochs: 1 },
    momentum: { from: 0.97, to: 1 },
    augmentation: crops,
  } as const;
  const swav = {
    name: "swav",
    epsilon: 0.03,
    prototypes: 30,
    frozenSteps: 16,
    projector: { hidden: 64, output: 32 },
    queue: { length: 0 },
    augmentation: crops,
  } as const;
  const larc = { name: "larc", baseLearningRate: 0.2, weightDecay: 1e-6, warmupEpochs: 0 } as const;
  const extrema = { name: "extrema", hidden: 128, output: 64, augmentation: { colours: false } } as const;
  const found = { ...extrema, loss: "infoNce", temperature: 0.2, momentum: { from: 0.97, to: 1 } } as const;
  const hasty = { ...extrema, momentum: { from: 0.9, to: 1 } };
  const reading: Model = { name: "vit", width: 48, depth: 3, heads: 3, patchSize: 4, classAttention: 2 };
  return [
    { name: "ExtreMA with InfoNCE", config: { ...config(work, found), model: reading } },
    {
      name: "ExtreMA with a teacher that looks back over ten steps",
      signal: "likeness",
      config: { ...config(work, hasty, 3e-4), model: reading },
    },
    { name: "EMAE", config: config(work, { name: "emae", decoder, consistencyWeight: 0.1 }, 4e-3) },
    { name: "FCMAE", config: { ...config(work, { name: "fcmae", decoder: { width: 32 } }, 4e-3), model: convnext } },
    { name: "SupMAE", config: config(work, supmae, 8e-3) },
    {
      name: "SupMAE with classes that are not in the pictures",
      signal: "agreement",
      config: config(work, supmae, 8e-3, "wrong"),
    },
    { name: "MoCo v3", config: config(work, { name: "mocoV3", ...heads }, 2e-3) },
    { name: "SimSiam", config: { ...config(work, simsiam), model: resnet, optim: sgd } },
    {
      name: "SimSiam without stop-gradient",
      signal: "dimensions",
      config: { ...config(work, { ...simsiam, stopGradient: false }), model: resnet, optim: sgd },
    },
    { name: "SimCLR", config: { ...config(work, { name: "simclr", ...contrast }), model: resnet, optim: lars } },
    {
      name: "SimCLR without negatives",
      signal: "margin",
      config: { ...config(work, [simclrWithoutNegatives, contrast]), model: resnet, optim: lars },
    },
    { name: "BYOL", config: { ...config(work, byol), model: resnet, optim: lars } },
    {
      name: "BYOL without predictor",
      signal: "likeness",
      config: { ...config(work, { ...byol, predictor: { layers: 0 } }), model: resnet, optim: lars },
    },
    { name: "DINO", config: config(work, dino, 2e-3) },
    {
      name: "DINO without centring",
      signal: "information",
      config: config(work, { ...dino, centreMomentum: 1 }, 2e-3),
    },
    {
      name: "DINO without sharpening",
      signal: "uniformity",
      config: config(work, { ...dino, teacherTemperature: 0.15 }, 2e-3),
    },
    { name: "SwAV", config: { ...config(work, swav), model: resnet, optim: larc } },
    {
      name: "SwAV with smoother codes, at three times the rate",
      signal: "uniformity",
      config: { ...config(work, { ...swav, epsilon: 0.05 }), model: resnet, optim: { ...larc, baseLearningRate: 0.6 } },
    },
    { name: "SDSSL", config: config(work, { name: "sdssl", hidden: 128, output: 64 }, 2e-3) },
    {
      name: "MoCo v3 without predictor and negatives",
      signal: "margin",
      config: config(work, [mocoWithoutContrast, heads], 2e-3),
    },
  ];
}

function config(
  work: string,
  method: NonNullable<PretrainInput["method"]>,
  rate = 2e-3,
  set: "shapes" | "wrong" = "shapes",
): PretrainInput {
  const source = (split: "train" | "test") => ({ kind: "fashion-mnist", split, path: join(work, set) }) as const;
  return {
    seed: 0,
    epochs: 20,
    precision: "float32",
    model: { name: "vit", width: 48, depth: 3, heads: 3, patchSize: 4 },
    method,
    data: {
      ...{ source: source("train"), heldOut: source("test"), imageSize: 24, channels: 1, batchSize: 64, workers: 0 },
      ...{ mean: [0.4], std: [0.22] },
    },
    optim: { name: "adamw", baseLearningRate: rate },
    log: { previewPictures: 0, heldOutEpochs: 4, probe: { everyEpochs: 4, bank: 400, queries: 200 } },
  };
}
