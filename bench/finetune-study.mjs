// Which recipe few labels want: fine-tuning after a short MAE pre-training, over rates, augmentation, lengths and frozen blocks, beside k-NN
// and the exact linear probe of the same encoder on the same split.
// usage: node bench/finetune-study.mjs set … [--recipes published,rate,…] [--out runs/finetune-study] [--pictures 15000] [--epochs 40]
//          [--seeds 0] [--judged 1000]
// A set is `food=folder` (all that is not held out), `icons=folder:250` or `cifar10:200` (so many labels, level over the classes).
// Runs that are finished are not trained again; README.md and results.json are made from all that are there.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { finetune, loadModel, openRun, openSource, pretrain } from "../dist/index.js";
import { openTrainTest } from "../dist/public/data.js";
import { measureEncoder, rawPixels } from "../dist/public/evaluate.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: "runs/finetune-study" },
    recipes: { type: "string" },
    pictures: { type: "string", default: "15000" },
    epochs: { type: "string", default: "40" },
    seeds: { type: "string", default: "0" },
    judged: { type: "string", default: "1000" },
  },
});

const light = { randAugment: { operations: 0 }, erasing: { probability: 0 }, mixing: { probability: 0 } };
const peak =
  (rate) =>
  ({ batch }) => ({ optim: { baseLearningRate: (rate * 256) / batch } });
const both =
  (...parts) =>
  (facts) =>
    Object.assign({}, ...parts.map((part) => (typeof part === "function" ? part(facts) : part)));

/** What each one changes in the published recipe (MAE, table 9), whose rate is in proportion to the batch. */
const recipes = {
  published: {},
  light: { augmentation: light },
  rate: peak(1e-3),
  "rate 3e-4": peak(3e-4),
  "rate 3e-3": peak(3e-3),
  "rate no mixing": both(peak(1e-3), { augmentation: { mixing: { probability: 0 } } }),
  "rate light": both(peak(1e-3), { augmentation: light }),
  "rate light half": both(peak(1e-3), { augmentation: light, trainBlocks: 2 }),
  "rate half": both(peak(1e-3), { trainBlocks: 2 }),
  "rate twice": both(peak(1e-3), { epochs: 2 * Number(values.epochs) }),
  "rate no layer decay": ({ batch }) => ({ optim: { baseLearningRate: (1e-3 * 256) / batch, layerDecay: 1 } }),
};
const asked = values.recipes?.split(",").map((name) => name.trim()) ?? Object.keys(recipes);

const model = { name: "vit", width: 128, depth: 4, heads: 4 };

/** `food=folder:250`, `cifar10:50` */
async function readSet(text) {
  const [, name, path, count] = /^([^=:]+)(?:=([^:]+))?(?::(\d+))?$/.exec(text) ?? [];
  if (name === undefined) throw new Error(`${text}: expected name=folder[:labels] or cifar10:labels`);
  const folder = { kind: "folder", path, holdOut: 0.4 };
  const sides =
    path === undefined
      ? { train: { kind: name, split: "train" }, heldOut: { kind: name, split: "test", limit: Number(values.judged) } }
      : { train: { ...folder, part: "train" }, heldOut: { ...folder, part: "heldOut" } };
  const patch = path === undefined ? { imageSize: 36, patchSize: 6 } : { imageSize: 48, patchSize: 8 };
  const { size, labels, classes } = await openSource(sides.train);
  const labelled = count === undefined ? size : Math.min(Number(count), size);
  return { name, sides, ...patch, size, labelled, all: labels.length, classes: classes.length };
}

const isFinished = (folder) => existsSync(join(folder, "run.json")) && openRun(folder).run.status === "finished";

async function toItsEnd(run) {
  for await (const _ of run);
  await run.close();
}

async function encoderOf({ name, sides, size, imageSize, patchSize }) {
  const folder = join(values.out, `encoder-${name}`);
  if (isFinished(folder)) return folder;
  const batchSize = 2 ** Math.floor(Math.log2(Math.min(64, size / 16)));
  const epochs = Number(values.pictures) / size;
  const config = {
    epochs,
    model: { ...model, patchSize },
    method: { name: "mae", decoder: { width: 64, depth: 2, heads: 2 } },
    data: { source: sides.train, imageSize, batchSize },
    optim: { name: "adamw", baseLearningRate: (6e-4 * 256) / batchSize, warmupEpochs: epochs / 10 },
    log: { probe: { everyEpochs: 0 } },
  };
  await toItsEnd(pretrain(config, { out: folder, overwrite: true }));
  return folder;
}

const labelsOf = ({ labelled, all }, seed) => (labelled < all ? { labels: { fraction: labelled / all, seed } } : {});

/** k-NN and exact probe of the frozen encoder with the same labels. */
async function frozen(set, encoder, seed) {
  const kept = join(values.out, `frozen-${set.name}-${set.labelled}-${seed}.json`);
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, "utf8"));
  const { train, test } = await openTrainTest({ train: set.sides.train, test: set.sides.heldOut });
  const { chooseLabelled } = await import("../dist/data/sources/labelled.js");
  const { subsetOf } = await import("../dist/data/sources/subset.js");
  const { labels } = labelsOf(set, seed);
  const own = labels === undefined ? train : subsetOf(train, Array.from(chooseLabelled(train.labels, labels)));
  const loaded = loadModel(encoder);
  const setting = { config: loaded.config, train: own, test };
  const pixels = await measureEncoder(rawPixels, { ...setting, measures: ["knn"] });
  const after = await measureEncoder({ name: "after", encode: loaded.features }, setting);
  loaded.close();
  const of = (recipe, accuracy, measured, which) => ({
    ...{ set: `${set.name}:${own.size}`, recipe, seed, top1: accuracy, perClass: measured.meanPerClass[which] },
  });
  const found = [
    of("raw pixels, 20-NN", pixels.knn, pixels, "knn"),
    of("20-NN, frozen", after.knn, after, "knn"),
    of("exact linear probe, frozen", after.linear, after, "linear"),
  ];
  writeFileSync(kept, JSON.stringify(found));
  return found;
}

async function tuned(set, encoder, recipe, seed) {
  const folder = join(values.out, `${set.name}-${set.labelled}-${seed}-${recipe.replaceAll(/[^a-z0-9]+/g, "-")}`);
  // as `lacuna finetune` chooses it: at least eight steps an epoch
  const batch = 2 ** Math.floor(Math.log2(Math.max(8, set.labelled / 8)));
  const change = recipes[recipe];
  const {
    augmentation = {},
    epochs = Number(values.epochs),
    ...rest
  } = typeof change === "function" ? change({ batch }) : change;
  const data = { source: set.sides.train, heldOut: set.sides.heldOut, batchSize: batch, ...labelsOf(set, seed) };
  if (!isFinished(folder)) {
    const crop = { name: "shifted", padding: Math.round(set.imageSize / 8) };
    const log = { heldOutEpochs: epochs, checkpointSeconds: 1e6 };
    const config = { from: encoder, seed, epochs, data, augmentation: { crop, ...augmentation }, log, ...rest };
    await toItsEnd(finetune(config, { out: folder, overwrite: true }));
  }
  const { scores, step } = openRun(folder).events.findLast(({ type }) => type === "heldOut");
  const seconds = openRun(folder).events.at(-1).seconds;
  return {
    ...{ set: `${set.name}:${set.labelled}`, recipe, seed, batch, steps: step },
    ...{ top1: scores.top1, perClass: scores.meanPerClass, seconds },
  };
}

if (positionals.length === 0)
  throw new Error("usage: node bench/finetune-study.mjs name=folder[:labels] cifar10:200 …");
mkdirSync(values.out, { recursive: true });
const results = [];
const told = (result) => {
  results.push(result);
  process.stdout.write(`${JSON.stringify(result)}\n`);
};
const sets = await Promise.all(positionals.map(readSet));
const seeds = values.seeds.split(",").map(Number);
for (const set of sets) {
  const encoder = await encoderOf(set);
  for (const seed of seeds) for (const result of await frozen(set, encoder, seed)) told(result);
}
// recipe by recipe, so that every set has the first ones when time runs out
for (const recipe of asked) {
  for (const set of sets) {
    for (const seed of seeds) told(await tuned(set, join(values.out, `encoder-${set.name}`), recipe, seed));
  }
}

const percent = (share) => (100 * share).toFixed(1);
const names = [...new Set(results.map(({ set }) => set))];
const mean = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
const rows = [...new Set(results.map(({ recipe }) => recipe))].map((recipe) => {
  const cells = names.map((name) => {
    const own = results.filter(({ set, recipe: each }) => set === name && each === recipe);
    return own.length === 0
      ? ""
      : `${percent(mean(own.map(({ top1 }) => top1)))} (${percent(mean(own.map(({ perClass }) => perClass)))})`;
  });
  return `| ${recipe} | ${cells.join(" | ")} |`;
});
const head = `| top-1 % (mean per class) | ${names.join(" | ")} |\n|---${"|---".repeat(names.length)}|`;
writeFileSync(join(values.out, "results.json"), `${JSON.stringify(results, null, 1)}\n`);
writeFileSync(join(values.out, "README.md"), `${[head, ...rows].join("\n")}\n`);
