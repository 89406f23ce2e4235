// Training steps. Sizes: ViT table 1, DeiT table 1; MAE's decoder is its default for ViT-B (table 1a, 1b), and narrower for the rest.

const vit = {
  "ViT-B": { width: 768, depth: 12, heads: 12 },
  "ViT-S": { width: 384, depth: 12, heads: 6 },
  "ViT-Ti": { width: 192, depth: 12, heads: 3 },
};
const precisions = ["bfloat16", "float32"];

/** @returns {import("./index.mjs").Case} */
function pretraining(name, [size, patchSize, imageSize, batch], [decoderWidth, decoderDepth, decoderHeads]) {
  return {
    name,
    kind: "pretrain",
    title: `MAE step, ${size}/${patchSize}, ${imageSize} px`,
    batch,
    unit: "images",
    precisions,
    imageSize,
    patchSize,
    ...vit[size],
    decoderWidth,
    decoderDepth,
    decoderHeads,
    maskRatio: 0.75,
    baseLearningRate: 1.5e-4,
    weightDecay: 0.05,
  };
}

/** ConvNeXt V2's smallest model as the paper pre-trains it (appendix A, tables 1b and 1c). @type {import("./index.mjs").Case} */
const fcmaeAtto = {
  name: "fcmae-atto",
  kind: "fcmae",
  title: "FCMAE step, ConvNeXt V2-Atto, 224 px",
  batch: 32,
  unit: "images",
  precisions,
  imageSize: 224,
  stem: 4,
  widths: [40, 80, 160, 320],
  depths: [2, 2, 6, 2],
  decoderWidth: 512,
  decoderDepth: 1,
  maskRatio: 0.6,
  baseLearningRate: 1.5e-4,
  weightDecay: 0.05,
};

/** The official ViT-S, which has 12 heads, with its heads and its recipe for AdamW. @type {import("./index.mjs").Case} */
const mocoV3S16 = {
  name: "moco-v3-s16",
  kind: "mocoV3",
  title: "MoCo v3 step, ViT-S/16, two views of 224 px",
  batch: 16,
  unit: "images",
  precisions,
  imageSize: 224,
  patchSize: 16,
  ...vit["ViT-S"],
  heads: 12,
  hidden: 4096,
  output: 256,
  temperature: 0.2,
  momentum: 0.99,
  baseLearningRate: 1.5e-4,
  weightDecay: 0.1,
};

/** The paper's network and recipe for CIFAR-10 (appendix D), with the usual heads. @type {import("./index.mjs").Case} */
const simsiamResnet18 = {
  name: "simsiam-resnet18",
  kind: "simsiam",
  title: "SimSiam step, ResNet-18, two views of 32 px",
  batch: 256,
  unit: "images",
  precisions,
  imageSize: 32,
  size: "resnet18",
  hidden: 512,
  output: 2048,
  baseLearningRate: 0.03,
  weightDecay: 5e-4,
};

/** The paper's crops and head; the last layer is not held still. @type {import("./index.mjs").Case} */
const dinoS16 = {
  name: "dino-s16",
  kind: "dino",
  title: "DINO step, ViT-S/16, two crops of 224 px and eight of 96",
  batch: 4,
  unit: "images",
  precisions,
  imageSize: 224,
  patchSize: 16,
  ...vit["ViT-S"],
  positions: "learned",
  positionOffset: 0.1,
  locals: 8,
  localSize: 96,
  outputs: 65_536,
  hidden: 2048,
  bottleneck: 256,
  studentTemperature: 0.1,
  teacherTemperature: 0.04,
  momentum: 0.996,
  clipNorm: 3,
  baseLearningRate: 5e-4,
  weightDecay: 0.04,
};

/** @type {readonly import("./index.mjs").Case[]} */
export const trainingCases = [
  pretraining("mae-b16", ["ViT-B", 16, 224, 16], [512, 8, 16]),
  pretraining("mae-s16", ["ViT-S", 16, 224, 32], [512, 8, 16]),
  pretraining("mae-s8", ["ViT-S", 8, 96, 64], [256, 4, 8]),
  pretraining("mae-ti4", ["ViT-Ti", 4, 32, 256], [96, 2, 3]),
  pretraining("mae-ti4-small", ["ViT-Ti", 4, 32, 16], [96, 2, 3]),
  fcmaeAtto,
  mocoV3S16,
  simsiamResnet18,
  dinoS16,
  {
    name: "finetune-b16",
    kind: "finetune",
    title: "fine-tuning step, ViT-B/16, 224 px",
    batch: 16,
    unit: "images",
    precisions,
    imageSize: 224,
    patchSize: 16,
    ...vit["ViT-B"],
    classes: 1000,
    smoothing: 0.1,
    // MAE appendix A, table 9
    baseLearningRate: 5e-4,
    layerDecay: 0.65,
    weightDecay: 0.05,
  },
];

/** Encoders as they are used afterwards. @type {readonly import("./index.mjs").Case[]} */
export const encoderCases = [
  ["s16", "ViT-S", 64],
  ["b16", "ViT-B", 32],
].flatMap(([name, size, batch]) => {
  const shape = { imageSize: 224, patchSize: 16, ...vit[size], unit: "images" };
  return [
    { name: `embed-${name}`, kind: "embed", title: `embed, ${size}/16, 224 px`, batch, precisions, ...shape },
    {
      name: `onnx-${name}`,
      kind: "onnx",
      title: `ONNX encoder, ${size}/16, 224 px, onnxruntime`,
      batch: 8,
      precisions: ["float32"],
      ...shape,
    },
  ];
});
