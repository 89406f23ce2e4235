// What all sides load: weights by their official names, images, noise or targets, from keyed random numbers. MoCo v3's teacher
// keeps first values of its own, so that the losses show whether it follows its student.
// usage: node inputs.mjs '<a case>' out.safetensors
import { noGrad } from "../../../dist/engine/modes.js";
import { scope } from "../../../dist/engine/scope.js";
import { writeSafetensors } from "../../../dist/formats/safetensors.js";
import { rawOf } from "../../../dist/models/weights.js";
import { normal } from "../../../dist/nn/init.js";
import { Rng } from "../../../dist/tensor/random.js";
import { tensor } from "../../../dist/tensor/tensor.js";
import { buildModel } from "../models.mjs";

/** Noise for so many steps; then it begins again. */
const noiseSteps = 8;
const rows = (count) => Array.from({ length: count }, (_, row) => row);

/** Noise on a colour, which a picture keeps in all its views: batch norm makes much of little where all pictures are alike. */
function imagesOf(purpose, { batch, imageSize }, side = imageSize) {
  const of = (what) => new Rng(0, what, 0, rows(batch));
  return of(purpose)
    .normal([3, side, side])
    .add(of("colour").normal([3, 1, 1]).mul(2)); // [B 3 S S]
}

/** Of squares of so many pixels across. */
const noiseOf = ({ batch, imageSize }, side) =>
  new Rng(0, "noise", 0, rows(noiseSteps)).uniform([batch, (imageSize / side) ** 2]); // [steps B N]

/** What a kind needs besides weights and images, by name. */
const others = {
  pretrain: (settings) => ({ noise: noiseOf(settings, settings.patchSize) }),
  fcmae: (settings) => ({ noise: noiseOf(settings, 8 * settings.stem) }),
  mocoV3: (settings) => ({ second: imagesOf("second", settings) }),
  simsiam: (settings) => ({ second: imagesOf("second", settings) }),
  dino: (settings) => ({
    second: imagesOf("second", settings),
    ...Object.fromEntries(
      rows(settings.locals).map((i) => [`local${i + 1}`, imagesOf(`local${i + 1}`, settings, settings.localSize)]),
    ),
  }),
  /** Smoothed labels, as mixing hands them on: most for one class of each picture, the rest spread evenly. */
  finetune({ batch, classes, smoothing }) {
    const targets = new Float32Array(batch * classes).fill(smoothing / classes);
    for (const row of rows(batch)) targets[row * classes + ((row * 61) % classes)] += 1 - smoothing;
    return { targets: tensor(targets, [batch, classes]) }; // [B K]
  },
  embed: () => ({}),
};

/** FCMAE begins with normalisations that do nothing and predictions near zero: with larger values its loss shows what it computes. */
function disturb(model) {
  for (const [name, value] of model.state())
    if (/\.grn\.(gamma|beta)$|^(proj|pred)\.weight$/.test(name))
      value.copy_(normal(0.2)(value.shape, new Rng(0, name)));
}

const settings = JSON.parse(process.argv[2]);
const model = buildModel(settings);
model.initialize(new Rng(0, "bench"));
noGrad(() => scope(() => disturb(model)));
const weights = [...model.state()].map(([name, value]) => [`weight/${name}`, value]);
const tensors = [
  ...weights,
  ["image", imagesOf("image", settings)],
  ...Object.entries(others[settings.kind](settings)),
];
writeSafetensors(
  process.argv[3],
  tensors.map(([name, value]) => [name, rawOf(value)]),
);
