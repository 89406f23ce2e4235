/** Every method and model of the lists at a size for tests: a new one needs a line here. */
import { methods } from "../../src/methods/index.js";
import type { Encoder, ImageShape } from "../../src/models/encoder.js";
import { models } from "../../src/models/index.js";

const decoder = { width: 32, depth: 1, heads: 2 };

const smallMethods: Readonly<Record<string, object>> = {
  mae: { decoder },
  emae: { decoder },
  fcmae: { decoder: { width: 64 } },
  maskFeat: {},
  simmim: { unit: 8 },
  beit: { tokenizer: { name: "kMeans", vocabulary: 16 } },
  beitv2: { tokenizer: { name: "kMeans", vocabulary: 16 }, aggregation: { depth: 1 } },
  cae: { tokenizer: { name: "kMeans", vocabulary: 16 }, regressor: { depth: 1 }, decoder: { depth: 1 } },
  dvae: { vocabulary: 16, codeWidth: 8, hidden: 8 },
  vqkd: { vocabulary: 16, codeWidth: 8, decoder: { depth: 1 } },
  mp3: {},
  supmae: { decoder, hidden: 16, classes: 3, classWeight: 0.1, temperature: 1 },
  cmae: { decoder, featureDecoder: decoder, projector: { hidden: 32, output: 16 }, predictor: { hidden: 32 } },
  extrema: { maskRatio: 0.75, masks: 2, hidden: 32, output: 16 },
  macrl: { decoder, bank: 24, projector: { hidden: 32, output: 16 } },
  siameseMim: { decoder, hidden: 32, output: 16 },
  simsiam: { projector: { output: 16 }, predictor: { hidden: 8 } },
  moco: { queue: 24, output: 16 },
  mocoV2Plus: { queue: 24, projector: { hidden: 32, output: 16 }, predictor: { hidden: 32 } },
  dino: {
    outputs: 32,
    projector: { hidden: 32, bottleneck: 16, frozenEpochs: 0 },
    augmentation: { locals: 2, localSize: 8 },
  },
  esvit: {
    outputs: 32,
    projector: { hidden: 32, bottleneck: 16, frozenEpochs: 0 },
    augmentation: { locals: 2, localSize: 8 },
  },
  byol: { projector: { hidden: 32, output: 16 }, predictor: { hidden: 32 } },
  sdssl: { hidden: 32, output: 16 },
  simclr: { projector: { output: 16 } },
  swav: {
    prototypes: 12,
    frozenSteps: 1,
    projector: { hidden: 16, output: 8 },
    queue: { length: 8, fromEpoch: 0 },
    augmentation: { locals: 2, localSize: 8 },
  },
  flip: { output: 16, text: { width: 16, depth: 1, heads: 2, length: 6 } },
  supervised: { classes: 3, average: 0.9 },
  mocoV3: { projector: { hidden: 32, output: 16 }, predictor: { hidden: 32 } },
};

const smallVit = { width: 32, depth: 2, heads: 2, patchSize: 4 };

const smallModels: Readonly<Record<string, object>> = {
  vit: smallVit,
  vitConvStem: { width: 32, depth: 2, heads: 2, patchSize: 4 },
  convnextV2: { widths: [8, 8, 16, 32], depths: [1, 1, 1, 1], stem: 1 },
  swin: { width: 8, depths: [2, 1, 1, 1], heads: 2, patchSize: 1, window: 4 },
  resnet: { size: "resnet18", depths: [1, 1, 1, 1], width: 8, stem: "cifar" },
};

/** Models with other options, and the methods that try them. */
const variants: Readonly<Record<string, { readonly model: object; readonly methods: readonly string[] }>> = {
  "vit as BEiT's": {
    model: {
      name: "vit",
      ...smallVit,
      positions: "none",
      relativePositions: "shared",
      layerScale: 0.1,
      keyBias: false,
    },
    methods: ["maskFeat", "mocoV3", "beitv2"],
  },
  "vit without positions": {
    model: { name: "vit", ...smallVit, positions: "none" },
    methods: ["mp3"],
  },
  "vit as BEiT's fine-tuned": {
    model: { name: "vit", ...smallVit, positions: "learned", relativePositions: "perBlock", keyBias: false },
    methods: ["maskFeat"],
  },
};

const variantModels = Object.fromEntries(Object.entries(variants).map(([name, { model }]) => [name, model]));

/** The configuration of a method, small. @throws TypeError for one without a line */
export function smallMethod(name: string): { readonly name: string } {
  return sized(smallMethods, name);
}

export function smallModel(name: string): { readonly name: string } {
  return sized({ ...smallModels, ...variantModels }, name);
}

function sized(table: Readonly<Record<string, object>>, name: string): { readonly name: string } {
  const options = table[name];
  if (options === undefined) throw new TypeError(`give ${name} a small configuration in test/methods/small.ts`);
  return { name, ...options };
}

/** The encoder of a small model. */
export function smallEncoder(name: string, image: ImageShape): Encoder {
  const model = smallModel(name);
  const { config, build } = models.get(model.name);
  return build(config.parse(model), image);
}

/** Every method with every model that it accepts, and some with models of other options. */
export function pairs(image: ImageShape): [method: string, model: string][] {
  const others = Object.entries(variants).flatMap(([model, { methods: own }]) =>
    own.map((method): [string, string] => [method, model]),
  );
  return [...plainPairs(image), ...others];
}

function plainPairs(image: ImageShape): [method: string, model: string][] {
  return methods.names().flatMap((method) =>
    models.names().flatMap((model): [string, string][] => {
      using encoder = smallEncoder(model, image);
      return methods.get(method).encoders.is(encoder) ? [[method, model]] : [];
    }),
  );
}
