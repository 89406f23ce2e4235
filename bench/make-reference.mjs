// Makes a reference curve of recipes/references/ from recorded runs of one configuration.
// usage: node bench/make-reference.mjs <recipe> <run folder in records/> …
// Example: node bench/make-reference.mjs recipes/mae-cifar10-reference.ts records/2026-11-22-mae-cifar10/seed-*
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, extname, join, relative } from "node:path";
import { openRun } from "../dist/index.js";
import { settingsOf, traitsOf } from "../dist/inspect/reference.js";

/** Where windows end, each standing for the steps since the one before: short ones while the loss falls fastest. */
const ends = (steps) => [
  ...Array.from({ length: 10 }, (_, i) => 5 * (i + 1)),
  ...Array.from({ length: steps }, (_, i) => 75 + 25 * i),
];
const root = join(import.meta.dirname, "..");
const [recipe, ...folders] = process.argv.slice(2);
if (folders.length === 0) throw new Error("usage: node bench/make-reference.mjs <recipe> <run folder> …");

const runs = folders.map((folder) => ({ folder: relative(root, folder), ...openRun(folder) }));
const [traits, ...others] = runs.map(({ run }) => traitsOf(run));
for (const other of others) {
  if (JSON.stringify(other) !== JSON.stringify(traits))
    throw new Error(`other configurations: ${JSON.stringify([traits, other])}`);
}
const short = (value) => Number(value.toPrecision(5));
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
const band = (step, list) => [step, short(Math.min(...list)), short(mean(list)), short(Math.max(...list))];

/** Means over windows, lowest and highest of the runs; windows that a run has not finished are left out for all. */
function windows(key) {
  const columns = runs.map(({ events }) => events.flatMap((event) => (event.type === "step" ? [event[key]] : [])));
  const longest = Math.max(...columns.map(({ length }) => length));
  return ends(longest)
    .filter((end) => end <= longest)
    .map((end, i, all) => {
      const whole = columns.filter(({ length }) => length >= end);
      return band(
        end,
        whole.map((column) => mean(column.slice(all[i - 1] ?? 0, end))),
      );
    });
}

function probes(name) {
  const found = new Map();
  for (const { events } of runs) {
    for (const event of events)
      if (event.type === "probe" && event.name === name)
        found.set(event.step, [...(found.get(event.step) ?? []), event.value]);
  }
  return [...found].sort(([a], [b]) => a - b).map(([step, list]) => band(step, list));
}

const probed = runs.find(({ events }) => events.some(({ type }) => type === "probe"))?.run.config.log.probe;
const curves = { loss: windows("loss"), gradNorm: windows("gradNorm") };
for (const name of ["featureRank", "featureStd", "knn", "linear"]) {
  const points = probes(name);
  if (points.length > 0) curves[name] = points;
}
const name = basename(recipe, extname(recipe));
const reference = {
  name,
  recipe,
  records: runs.map(({ folder }) => folder),
  traits,
  settings: settingsOf(runs[0].run),
  ...(probed === undefined ? {} : { probe: { bank: probed.bank, queries: probed.queries, k: probed.k } }),
  curves,
};
const text = JSON.stringify(reference, null, 2).replace(
  /\[\s+(-?[\d.e+-]+(?:,\s+-?[\d.e+-]+)*)\s+\]/g,
  (_, inside) => `[${inside.replaceAll(/\s+/g, " ")}]`,
);
mkdirSync(join(root, "recipes", "references"), { recursive: true });
writeFileSync(join(root, "recipes", "references", `${name}.json`), `${text}\n`);
process.stdout.write(`recipes/references/${name}.json: ${runs.length} runs, ${Object.keys(curves).join(", ")}\n`);
