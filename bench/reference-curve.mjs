// Does Lacuna learn like the official MAE code? Trains the reference configuration with several seeds and compares loss
// curve and k-NN accuracy with test/reference/cifar10-mae-curve.json, by the rule in test/reference/README.md.
// usage: node bench/reference-curve.mjs [--seeds 0,1,2] [--out records/<date>-mae-cifar10]
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createJiti } from "jiti";
import { extractFeatures, knn, openRun, openSource, plainLoader, pretrain, resume } from "../dist/index.js";

const root = join(import.meta.dirname, "..");
const today = new Date().toISOString().slice(0, 10);
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "0,1,2" },
    out: { type: "string", default: join(root, "records", `${today}-mae-cifar10`) },
  },
});
const recipe = await createJiti(import.meta.url).import(join(root, "recipes", "mae-cifar10-reference.ts"), {
  default: true,
});
const reference = JSON.parse(readFileSync(join(root, "test", "reference", "cifar10-mae-curve.json"), "utf8"));
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

/** 20-NN accuracy: bank of the first 10,000 training pictures, the 10,000 test pictures, float32, nothing masked. */
async function accuracy(encoder, config) {
  const features = async (spec) => {
    const loader = plainLoader(config, await openSource(spec), 250);
    const images = { mean: config.data.mean, std: config.data.std };
    const found = await extractFeatures(
      (x) => encoder.features(x),
      loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 }),
      images,
    );
    await loader.close();
    return found;
  };
  encoder.setTraining(false);
  const bank = await features({ kind: "cifar10", split: "train", limit: 10_000 });
  const queries = await features({ kind: "cifar10", split: "test" });
  const [result] = knn(bank, queries, { k: [20] });
  bank.features.dispose();
  queries.features.dispose();
  return result.accuracy;
}

async function train(seed) {
  const folder = join(root, "runs", `reference-curve-${seed}`);
  const begun = existsSync(join(folder, "run.json"));
  const run = begun
    ? resume(folder)
    : pretrain({ ...recipe, seed }, { out: folder, command: `node bench/reference-curve.mjs --seeds ${seed}` });
  const { config, encoder } = await run.prepare();
  const file = join(folder, "accuracy.json");
  const measured =
    begun && existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { knnBefore: await accuracy(encoder, config) };
  writeFileSync(file, JSON.stringify(measured));
  for await (const event of run) {
    if (event.type === "step" && event.step % 25 === 0)
      process.stdout.write(`seed ${seed} step ${event.step} loss ${event.loss.toFixed(4)}\n`);
  }
  measured.knnAfter = await accuracy(encoder, config);
  writeFileSync(file, JSON.stringify(measured));
  await run.close();
  return { seed, folder, loss: meansOf25(folder), ...measured };
}

/** Mean loss over each 25 steps, as in the reference. */
function meansOf25(folder) {
  const losses = openRun(folder).events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
  const whole = Math.floor(losses.length / 25);
  return Array.from({ length: whole }, (_, i) => [25 * (i + 1), mean(losses.slice(25 * i, 25 * (i + 1)))]);
}

function compare(runs) {
  const points = reference.runs[0].loss.map(([step], i) => {
    const theirs = mean(reference.runs.map((run) => run.loss[i][1]));
    const ours = mean(runs.map((run) => run.loss[i][1]));
    return { step, ours, theirs, difference: ours / theirs - 1 };
  });
  const largest = Math.max(...points.filter(({ step }) => step >= 100).map(({ difference }) => Math.abs(difference)));
  const knnAfter = mean(runs.map((run) => run.knnAfter));
  return {
    points,
    largest,
    knnBefore: mean(runs.map((run) => run.knnBefore)),
    knnAfter,
    agrees: largest <= 0.035 && knnAfter >= 0.363 && knnAfter <= 0.413,
  };
}

function table(runs, result) {
  const percent = (value) => (100 * value).toFixed(1);
  const rows = result.points.map(
    ({ step, ours, theirs, difference }) =>
      `| ${step} | ${ours.toFixed(4)} | ${theirs.toFixed(4)} | ${(100 * difference).toFixed(2)} |`,
  );
  return [
    "# MAE on CIFAR-10 beside the official code",
    "",
    `Made by \`node bench/reference-curve.mjs\`: ${runs.length} seeds (${runs.map(({ seed }) => seed).join(", ")}) of recipes/mae-cifar10-reference.ts.`,
    "Each seed's folder holds its resolved configuration with machine and versions, its events and its accuracies.",
    "",
    `Agreement as test/reference/README.md states it: **${result.agrees ? "yes" : "no"}**.`,
    "",
    "| | Lacuna | official code | bar |",
    "|---|---|---|---|",
    `| largest difference of the mean loss from step 100 on | ${percent(result.largest)} % | | 3.5 % |`,
    `| 20-NN before | ${runs.map((run) => percent(run.knnBefore)).join(", ")} | ${reference.runs.map((run) => percent(run.knnBefore)).join(", ")} | |`,
    `| 20-NN after | ${runs.map((run) => percent(run.knnAfter)).join(", ")} (mean ${percent(result.knnAfter)}) | ${reference.runs.map((run) => percent(run.knnAfter)).join(", ")} | mean 36.3 to 41.3 |`,
    "",
    "| step | Lacuna | official code | difference % |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

const runs = [];
for (const seed of values.seeds.split(",").map(Number)) runs.push(await train(seed));
const result = compare(runs);
for (const { seed, folder } of runs) {
  const target = join(values.out, `seed-${seed}`);
  mkdirSync(target, { recursive: true });
  for (const name of ["run.json", "events.jsonl", "accuracy.json"])
    copyFileSync(join(folder, name), join(target, name));
}
writeFileSync(join(values.out, "comparison.json"), `${JSON.stringify(result, null, 2)}\n`);
writeFileSync(join(values.out, "README.md"), table(runs, result));
process.stdout.write(table(runs, result));
process.exitCode = result.agrees ? 0 : 1;
