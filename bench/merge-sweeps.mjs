// Puts sweeps of one file that differ in their seed into one table and one picture: mean and deviation over the seeds.
// usage: node bench/merge-sweeps.mjs <recipe of the sweep> <out> <sweep folder of each seed …>
// Writes table.md, table.csv, table.json, plots.svg, plots.png and, of each seed, its table.json and its configurations.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createJiti } from "jiti";
import { sweepSchema } from "../dist/sweep/define.js";
import { writePlots } from "../dist/sweep/plots.js";
import { summarizeSweep } from "../dist/sweep/summary.js";
import { csvText, markdownText } from "../dist/sweep/table.js";

const [recipe, out, ...folders] = process.argv.slice(2);
if (folders.length < 2) {
  process.stderr.write(
    "usage: node bench/merge-sweeps.mjs <recipe of the sweep> <out> <sweep folder of each seed …>\n",
  );
  process.exit(2);
}
const jiti = createJiti(import.meta.url, { alias: { lacuna: join(import.meta.dirname, "../dist/index.js") } });
const sweep = sweepSchema.parse(await jiti.import(resolve(recipe), { default: true }));
const read = (folder, name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const seedOf = (folder) => read(folder, "sweep.json").points[0].config.seed;
const percent = (spread) => spread.mean / 100;

const results = folders.flatMap((folder) =>
  read(folder, "table.json").rows.map((row) => ({
    point: { id: row.group, group: row.group, name: row.name, at: { ...row.at, seed: seedOf(folder) } },
    status: row.finished === row.seeds ? "done" : row.failed > 0 ? "failed" : "waiting",
    cost: row.cost,
    seconds: row.seconds,
    loss: row.loss?.mean,
    heldOutLoss: row.heldOutLoss?.mean,
    accuracies: Object.fromEntries(Object.entries(row.measures).map(([name, value]) => [name, percent(value)])),
  })),
);
const summary = summarizeSweep(sweep, results, meanBaselines());

mkdirSync(out, { recursive: true });
writeFileSync(join(out, "table.md"), markdownText(summary));
writeFileSync(join(out, "table.csv"), csvText(summary));
writeFileSync(join(out, "table.json"), `${JSON.stringify(summary, null, 1)}\n`);
await writePlots(out, summary);
for (const folder of folders) {
  const target = join(out, `seed-${seedOf(folder)}`);
  mkdirSync(target, { recursive: true });
  for (const name of ["sweep.json", "table.json"]) copyFileSync(join(folder, name), join(target, name));
}

/** Raw pixels and encoders before training: their means over the seeds. */
function meanBaselines() {
  const all = folders.flatMap((folder) => read(folder, "table.json").baselines);
  return [...new Set(all.map(({ name }) => name))].map((name) => {
    const same = all.filter((row) => row.name === name).map((row) => row.accuracies);
    const mean = (key) => same.reduce((sum, row) => sum + row[key], 0) / same.length;
    return { name, accuracies: Object.fromEntries(Object.keys(same[0]).map((key) => [key, mean(key)])) };
  });
}
