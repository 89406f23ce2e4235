// Does Lacuna learn like the official code? Trains the reference configuration of a method with several seeds and compares loss
// curve and k-NN accuracy with the official code's (test/reference/cifar10-*-curve.json), by the rule in test/reference/README.md.
// usage: node bench/reference-curve.mjs [mae | moco-v3] [--seeds 0,1,2] [--out records/<date>-mae-cifar10]
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createJiti } from "jiti";
import { extractFeatures, knn, openRun, openSource, pretrain, resume } from "../dist/index.js";
import { plainLoader } from "../dist/public/train.js";

/** Loss: largest difference of the means from step 100 on. k-NN: the mean over seeds, from … to, or so near to the official mean. */
const curves = {
  mae: {
    title: "MAE",
    recipe: "mae-cifar10-reference",
    reference: "cifar10-mae-curve",
    bars: { loss: 0.035, knn: () => [0.363, 0.413] },
  },
  "moco-v3": {
    title: "MoCo v3",
    recipe: "moco-v3-cifar10",
    reference: "cifar10-moco-v3-curve",
    bars: { loss: 0.03, knn: (official) => [official - 0.015, official + 0.015] },
  },
};

const root = join(import.meta.dirname, "..");
const today = new Date().toISOString().slice(0, 10);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: "string", default: "0,1,2" }, out: { type: "string" } },
});
const [name = "mae"] = positionals;
const curve = curves[name];
if (curve === undefined) throw new Error(`there is no curve ${name}; there are ${Object.keys(curves).join(", ")}`);
const out = values.out ?? join(root, "records", `${today}-${name}-cifar10`);
const recipe = await createJiti(import.meta.url).import(join(root, "recipes", `${curve.recipe}.ts`), { default: true });
const reference = JSON.parse(readFileSync(join(root, "test", "reference", `${curve.reference}.json`), "utf8"));
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

/** 20-NN accuracy: bank of the first 10,000 training pictures, the 10,000 test pictures, float32, nothing masked. */
async function accuracy({ method, config }) {
  const features = async (spec) => {
    const loader = plainLoader(config, await openSource(spec), 250);
    const images = { mean: config.data.mean, std: config.data.std };
    const found = await extractFeatures(
      (x) => method.features(x),
      loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 }),
      images,
    );
    await loader.close();
    return found;
  };
  method.setTraining(false);
  const bank = await features({ kind: "cifar10", split: "train", limit: 10_000 });
  const queries = await features({ kind: "cifar10", split: "test" });
  const [result] = knn(bank, queries, { k: [20] });
  bank.features.dispose();
  queries.features.dispose();
  return result.accuracy;
}

/** Of the first weights of a seed. */
async function accuracyBefore(seed) {
  const folder = mkdtempSync(join(tmpdir(), "lacuna-before-"));
  const run = pretrain({ ...recipe, seed }, { out: join(folder, "run") });
  try {
    return await accuracy(await run.prepare());
  } finally {
    await run.close();
    rmSync(folder, { recursive: true });
  }
}

async function train(seed) {
  const folder = join(root, "runs", `reference-curve-${name}-${seed}`);
  const command = `node bench/reference-curve.mjs ${name} --seeds ${seed}`;
  const run = existsSync(join(folder, "run.json"))
    ? resume(folder)
    : pretrain({ ...recipe, seed }, { out: folder, command });
  const prepared = await run.prepare();
  for await (const event of run) {
    if (event.type === "step" && event.step % 25 === 0)
      process.stdout.write(`seed ${seed} step ${event.step} loss ${event.loss.toFixed(4)}\n`);
  }
  const measured = { knnBefore: await accuracyBefore(seed), knnAfter: await accuracy(prepared) };
  writeFileSync(join(folder, "accuracy.json"), JSON.stringify(measured));
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
  const [from, to] = curve.bars.knn(mean(reference.runs.map((run) => run.knnAfter)));
  return {
    points,
    largest,
    knnBefore: mean(runs.map((run) => run.knnBefore)),
    knnAfter,
    knnBar: [from, to],
    agrees: largest <= curve.bars.loss && knnAfter >= from && knnAfter <= to,
  };
}

function table(runs, result) {
  const percent = (value) => (100 * value).toFixed(1);
  const rows = result.points.map(
    ({ step, ours, theirs, difference }) =>
      `| ${step} | ${ours.toFixed(4)} | ${theirs.toFixed(4)} | ${(100 * difference).toFixed(2)} |`,
  );
  return [
    `# ${curve.title} on CIFAR-10 beside the official code`,
    "",
    `Made by \`node bench/reference-curve.mjs ${name}\`: ${runs.length} seeds (${runs.map(({ seed }) => seed).join(", ")}) of recipes/${curve.recipe}.ts.`,
    "Each seed's folder holds its resolved configuration with machine and versions, its events and its accuracies.",
    "",
    `Agreement as test/reference/README.md states it: **${result.agrees ? "yes" : "no"}**.`,
    "",
    "| | Lacuna | official code | bar |",
    "|---|---|---|---|",
    `| largest difference of the mean loss from step 100 on | ${percent(result.largest)} % | | ${percent(curve.bars.loss)} % |`,
    `| 20-NN before | ${runs.map((run) => percent(run.knnBefore)).join(", ")} | ${reference.runs.map((run) => percent(run.knnBefore)).join(", ")} | |`,
    `| 20-NN after | ${runs.map((run) => percent(run.knnAfter)).join(", ")} (mean ${percent(result.knnAfter)}) | ${reference.runs.map((run) => percent(run.knnAfter)).join(", ")} | mean ${result.knnBar.map(percent).join(" to ")} |`,
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
  const target = join(out, `seed-${seed}`);
  mkdirSync(target, { recursive: true });
  for (const name of ["run.json", "events.jsonl", "accuracy.json"])
    copyFileSync(join(folder, name), join(target, name));
}
writeFileSync(join(out, "comparison.json"), `${JSON.stringify(result, null, 2)}\n`);
writeFileSync(join(out, "README.md"), table(runs, result));
process.stdout.write(table(runs, result));
process.exitCode = result.agrees ? 0 : 1;
