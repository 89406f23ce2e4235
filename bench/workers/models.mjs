// The models of the cases, their weights not yet set, and the file that hands the same weights to all sides.
import { scope } from "../../dist/engine/scope.js";
import { Classifier } from "../../dist/finetune/classifier.js";
import { SafetensorsFile } from "../../dist/formats/safetensors.js";
import { Fcmae, fcmaeConfig } from "../../dist/methods/masked/fcmae.js";
import { Mae, maeConfig } from "../../dist/methods/masked/mae.js";
import { Dino, dinoConfig } from "../../dist/methods/siamese/dino.js";
import { MocoV3, mocoV3Config } from "../../dist/methods/siamese/moco-v3.js";
import { Simsiam, simsiamConfig } from "../../dist/methods/siamese/simsiam.js";
import { ConvnextV2, convnextV2Config } from "../../dist/models/convnext-v2.js";
import { Resnet, resnetConfig } from "../../dist/models/resnet.js";
import { Vit, vitConfig } from "../../dist/models/vit.js";
import { loadState, tensorOf } from "../../dist/models/weights.js";

/** @param {import("../cases/index.mjs").Case} settings */
function vit({ imageSize, patchSize, width, depth, heads, positions, positionOffset }) {
  const config = vitConfig.parse({ width, depth, heads, patchSize, positions, positionOffset });
  return new Vit(config, { imageSize: [imageSize, imageSize], channels: 3 });
}

function mae(settings) {
  const { maskRatio, decoderWidth, decoderDepth, decoderHeads } = settings;
  const decoder = { width: decoderWidth, depth: decoderDepth, heads: decoderHeads };
  return new Mae(maeConfig.parse({ maskRatio, decoder }), vit(settings));
}

function fcmae({ imageSize, stem, widths, depths, maskRatio, decoderWidth, decoderDepth }) {
  const encoder = new ConvnextV2(convnextV2Config.parse({ widths, depths, stem }), {
    imageSize: [imageSize, imageSize],
    channels: 3,
  });
  return new Fcmae(fcmaeConfig.parse({ maskRatio, decoder: { width: decoderWidth, depth: decoderDepth } }), encoder);
}

function mocoV3(settings) {
  const { hidden, output, temperature, momentum } = settings;
  const config = { temperature, momentum, projector: { hidden, output }, predictor: { hidden } };
  return new MocoV3(mocoV3Config.parse(config), vit(settings), () => vit(settings));
}

function simsiam({ imageSize, size, hidden, output }) {
  const encoder = new Resnet(resnetConfig.parse({ size, stem: "cifar" }), {
    imageSize: [imageSize, imageSize],
    channels: 3,
  });
  return new Simsiam(simsiamConfig.parse({ projector: { output }, predictor: { hidden } }), encoder);
}

function dino(settings) {
  const { outputs, hidden, bottleneck, locals, localSize, clipNorm, studentTemperature, teacherTemperature, momentum } =
    settings;
  const config = dinoConfig.parse({
    ...{ outputs, studentTemperature, teacherTemperature, momentum, clipNorm },
    projector: { hidden, bottleneck, frozenEpochs: 0 },
    augmentation: { locals, localSize },
  });
  return new Dino(config, vit(settings), () => vit(settings));
}

const builders = {
  pretrain: mae,
  fcmae,
  mocoV3,
  simsiam,
  dino,
  finetune: (settings) =>
    new Classifier(vit(settings), { classes: settings.classes, pool: "mean", trainBlocks: "all" }),
  embed: vit,
};

/** @param {import("../cases/index.mjs").Case} settings */
export const buildModel = (settings) => builders[settings.kind](settings);

/** What prepare/inputs.mjs wrote: the model with its weights, and the other tensors by name. */
export function loadInputs(path, settings) {
  const file = SafetensorsFile.open(path);
  const model = buildModel(settings);
  const weights = {
    path,
    names: file.names.filter((name) => name.startsWith("weight/")),
    entry: (name) => file.entry(name),
    read: (name) => file.read(name),
  };
  scope(() => loadState(model.state(), weights, { prefix: "weight/" }));
  const others = file.names.filter((name) => !name.startsWith("weight/"));
  const tensors = Object.fromEntries(others.map((name) => [name, tensorOf(file.read(name))]));
  file.close();
  return { model, tensors };
}
