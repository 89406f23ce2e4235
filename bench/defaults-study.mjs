// Which batch and which rate small sets want: MAE as `pretrain <folder>` would train it, over batches and rates, for a number of pictures.
// usage: node bench/defaults-study.mjs name=folder … [--out runs/defaults-study] [--pictures 20000] [--batches 16,64,256]
//          [--rates 1e-4,3e-4,1e-3,3e-3] [--side 48] [--patch 6]
// A rate is the one at the peak, whatever the batch. Runs that are finished are not trained again; README.md and results.json are made
// from all that are there. Folders with a folder for each class are judged by 20-NN and linear probe too.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openRun, openSource, pretrain } from "../dist/index.js";
import { featureProbes } from "../dist/public/evaluate.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: "runs/defaults-study" },
    pictures: { type: "string", default: "20000" },
    batches: { type: "string", default: "16,64,256" },
    rates: { type: "string", default: "1e-4,3e-4,1e-3,3e-3" },
    side: { type: "string", default: "48" },
    patch: { type: "string", default: "6" },
  },
});
if (positionals.length === 0) throw new Error("usage: node bench/defaults-study.mjs name=folder …");
const numbers = (text) => text.split(",").map(Number);
const [batches, rates] = [numbers(values.batches), numbers(values.rates)];

async function configOf(path, batch, rate) {
  const source = { kind: "folder", path, holdOut: 0.1 };
  const training = await openSource({ ...source, part: "train" });
  const epochs = Number(values.pictures) / training.size;
  return {
    seed: 0,
    epochs,
    model: { name: "vit", width: 192, depth: 6, heads: 3, patchSize: Number(values.patch) },
    method: { name: "mae", decoder: { width: 96, depth: 2, heads: 3 } },
    data: {
      source: { ...source, part: "train" },
      heldOut: { ...source, part: "heldOut" },
      imageSize: Number(values.side),
      batchSize: batch,
    },
    optim: { name: "adamw", baseLearningRate: (rate * 256) / batch, warmupEpochs: epochs / 10 },
    log: { heldOutEpochs: epochs / 4, probe: { everyEpochs: epochs, ...(training.labels && { linear: true }) } },
  };
}

const last = (events, type, name) =>
  events.filter((event) => event.type === type && (name === undefined || event.name === name)).at(-1);

async function point(name, path, batch, rate) {
  const folder = join(values.out, `${name}-${batch}-${rate}`);
  if (!existsSync(join(folder, "run.json")) || openRun(folder).run.status !== "finished") {
    const run = pretrain(await configOf(path, batch, rate), { out: folder, overwrite: true, probes: featureProbes });
    for await (const _ of run); // to its end
    await run.close();
  }
  const { events } = openRun(folder);
  const probe = (of) => last(events, "probe", of)?.value;
  const step = last(events, "step").step;
  const result = { set: name, batch, rate, steps: step, heldOut: last(events, "heldOut").loss };
  return { ...result, knn: probe("knn"), linear: probe("linear"), rank: probe("featureRank") };
}

const results = [];
mkdirSync(values.out, { recursive: true });
for (const [name, path] of positionals.map((each) => each.split("="))) {
  for (const batch of batches) {
    for (const rate of rates) {
      const result = await point(name, path, batch, rate);
      results.push(result);
      process.stdout.write(`${JSON.stringify(result)}\n`);
    }
  }
}

const shown = (value, digits, factor = 1) => (value === undefined ? "" : (factor * value).toFixed(digits));
const rows = results.map(
  ({ set, batch, rate, steps, heldOut, knn, linear, rank }) =>
    `| ${set} | ${batch} | ${rate} | ${steps} | ${shown(heldOut, 4)} | ${shown(knn, 1, 100)} | ${shown(linear, 1, 100)} | ${shown(rank, 1)} |`,
);
writeFileSync(join(values.out, "results.json"), `${JSON.stringify(results, null, 1)}\n`);
writeFileSync(
  join(values.out, "README.md"),
  `${["| set | batch | rate | steps | held-out loss | 20-NN, % | linear probe, % | rank |", "|---|---|---|---|---|---|---|---|", ...rows].join("\n")}\n`,
);
