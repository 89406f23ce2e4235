// Trains runs well and sick on purpose (test/inspect/cases.ts), and records what the verdict says of them.
// usage: node bench/verdict.mjs [--seeds 0,1] [--out records/<date>-verdict] [--work runs/verdict] [--only <words>] [--measure-input]
// Runs that are finished in the work folder are not trained again; with --measure-input their first batch is looked at
// again, for a change of what is measured in it. Seed 0 is also stored for the tests.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createJiti } from "jiti";
import { loadModel, noGrad, openRun, pretrain, verdict } from "../dist/index.js";
import { featureProbes } from "../dist/public/evaluate.js";
import { compact } from "./verdict/compact.mjs";
import { report } from "./verdict/report.mjs";

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "0,1" },
    out: { type: "string", default: join(root, "records", `${new Date().toISOString().slice(0, 10)}-verdict`) },
    work: { type: "string", default: join(root, "runs", "verdict") },
    only: { type: "string", default: "" },
    "measure-input": { type: "boolean", default: false },
  },
});
const jiti = createJiti(import.meta.url);
const { healthyCases, sickCases } = await jiti.import(join(root, "test/inspect/cases.ts"));
const { writeColour, writeGrey } = await jiti.import(join(root, "test/inspect/pictures.ts"));
const { work } = values;
const folderOf = ({ name }, seed) => join(work, "runs", `${name.replaceAll(/[^a-z0-9]+/g, "-")}-${seed}`);

for (const kind of ["shapes", "shuffled", "constant"])
  if (!existsSync(join(work, kind))) writeGrey(join(work, kind), kind, 1024);
if (!existsSync(join(work, "colour"))) await writeColour(join(work, "colour"), 1280);

const cases = [...healthyCases(work), ...sickCases(work)];
const done = [];
for (const seed of values.seeds.split(",").map(Number)) {
  for (const each of cases.filter(({ name }, i) => i === 0 || name.includes(values.only))) {
    const folder = folderOf(each, seed);
    const before = existsSync(join(folder, "run.json")) ? openRun(folder).run.status : undefined;
    if (before !== "finished" && before !== "failed") await train(each, seed, folder);
    const { run, events: logged } = openRun(folder);
    const events = values["measure-input"] ? await measuredAgain(run.config, logged) : logged;
    const result = verdict(events, run);
    process.stdout.write(`seed ${seed}  ${each.name}: ${result.status} ${result.suspect ?? ""}\n`);
    done.push({ each, seed, run, events, result });
  }
}
if (values.only === "") {
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, "README.md"), report(done, values["measure-input"]));
  writeFileSync(join(root, "test/reference/verdict-runs.json"), compact(done.filter(({ seed }) => seed === 0)));
}

async function train(each, seed, folder) {
  const run = pretrain({ ...each.config, seed }, { out: folder, overwrite: true, probes: featureProbes });
  const { encoder } = await run.prepare();
  if (each.hook === "freezeEncoder") for (const parameter of encoder.state().values()) parameter.setRequiresGrad(false);
  if (each.hook === "weightsOfFirst") copyWeights(folderOf(cases[0], seed), encoder);
  try {
    for await (const _ of run);
  } catch (error) {
    process.stdout.write(`${each.name}: ${error.message}\n`); // a run that fails is one to be judged too
  } finally {
    await run.close();
  }
}

/** The events with what the first batch, which configuration and seed decide, shows now. */
async function measuredAgain(config, events) {
  const run = pretrain(config);
  try {
    for await (const event of run)
      if (event.type === "input") return events.map((old) => (old.type === "input" ? event : old));
  } finally {
    await run.close();
  }
}

function copyWeights(folder, encoder) {
  const model = loadModel(folder);
  const given = model.encoder.state();
  noGrad(() => {
    for (const [name, parameter] of encoder.state()) parameter.copy_(given.get(name));
  });
  model.close();
}
