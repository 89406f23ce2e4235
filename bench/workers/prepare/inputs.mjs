// What all sides load: weights by their official names, images, noise or targets, from keyed random numbers.
// usage: node inputs.mjs '<a case>' out.safetensors
import { writeSafetensors } from "../../../dist/formats/safetensors.js";
import { rawOf } from "../../../dist/models/weights.js";
import { Rng } from "../../../dist/tensor/random.js";
import { tensor } from "../../../dist/tensor/tensor.js";
import { buildModel } from "../models.mjs";

/** Noise for so many steps; then it begins again. */
const noiseSteps = 8;
const rows = (count) => Array.from({ length: count }, (_, row) => row);

/** What a kind needs besides weights and images, by name. */
const others = {
  pretrain({ batch, imageSize, patchSize }) {
    const patches = (imageSize / patchSize) ** 2;
    return { noise: new Rng(0, "noise", 0, rows(noiseSteps)).uniform([batch, patches]) }; // [steps B N]
  },
  /** Smoothed labels, as mixing hands them on: most for one class of each picture, the rest spread evenly. */
  finetune({ batch, classes, smoothing }) {
    const targets = new Float32Array(batch * classes).fill(smoothing / classes);
    for (const row of rows(batch)) targets[row * classes + ((row * 61) % classes)] += 1 - smoothing;
    return { targets: tensor(targets, [batch, classes]) }; // [B K]
  },
  embed: () => ({}),
};

const settings = JSON.parse(process.argv[2]);
const model = buildModel(settings);
model.initialize(new Rng(0, "bench"));
const { batch, imageSize, kind } = settings;
const image = new Rng(0, "image", 0, rows(batch)).normal([3, imageSize, imageSize]); // [B 3 S S]
const weights = [...model.state()].map(([name, value]) => [`weight/${name}`, value]);
const tensors = [...weights, ["image", image], ...Object.entries(others[kind](settings))];
writeSafetensors(
  process.argv[3],
  tensors.map(([name, value]) => [name, rawOf(value)]),
);
