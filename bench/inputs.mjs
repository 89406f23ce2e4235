// What both sides of a pair load: weights by their official names, images and noise, from keyed random numbers.
// usage: node inputs.mjs '<a case with its batch>' out.safetensors
import { writeSafetensors } from "../dist/formats/safetensors.js";
import { Mae, maeConfig } from "../dist/methods/masked/mae.js";
import { Vit, vitConfig } from "../dist/models/vit.js";
import { rawOf } from "../dist/models/weights.js";
import { Rng } from "../dist/tensor/random.js";
import { learningRate } from "./cases.mjs";

/** Noise for so many steps; then it begins again. */
const noiseSteps = 8;

/** The model of a case, its weights not yet set. @param {import("./cases.mjs").Case} settings */
export function buildModel({ imageSize, patchSize, width, depth, heads, maskRatio, ...rest }) {
  const encoder = new Vit(vitConfig.parse({ width, depth, heads, patchSize }), {
    imageSize: [imageSize, imageSize],
    channels: 3,
  });
  const decoder = { width: rest.decoderWidth, depth: rest.decoderDepth, heads: rest.decoderHeads };
  return new Mae(maeConfig.parse({ maskRatio, decoder }), encoder);
}

/** @param {import("./cases.mjs").Case} settings @param {string} path */
export function writeInputs(settings, path) {
  const { batch, imageSize, patchSize } = settings;
  const model = buildModel(settings);
  model.initialize(new Rng(0, "bench"));
  const samples = (count) => Array.from({ length: count }, (_, sample) => sample);
  const image = new Rng(0, "image", 0, samples(batch)).normal([3, imageSize, imageSize]);
  const patches = (imageSize / patchSize) ** 2;
  const noise = new Rng(0, "noise", 0, samples(noiseSteps)).uniform([batch, patches]);
  const weights = [...model.state()].map(([name, value]) => [`weight/${name}`, rawOf(value)]);
  const tensors = [...weights, ["image", rawOf(image)], ["noise", rawOf(noise)]];
  writeSafetensors(path, tensors, { case: JSON.stringify({ ...settings, learningRate: learningRate(settings) }) });
}

if (process.argv[1] === import.meta.filename) writeInputs(JSON.parse(process.argv[2]), process.argv[3]);
