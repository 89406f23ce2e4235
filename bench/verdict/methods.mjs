// Trains the runs of test/inspect/method-cases.ts and stores what the verdict reads of them, for test/inspect/health.test.ts.
// usage: node bench/verdict/methods.mjs [--work runs/verdict-methods] [--only <part of a name>]. Runs that are finished there are not
// trained again; with --only the others stay as they are stored.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createJiti } from "jiti";

const root = join(import.meta.dirname, "..", "..");
const options = { work: { type: "string", default: join(root, "runs", "verdict-methods") }, only: { type: "string" } };
const { values } = parseArgs({ options });
const { work, only = "" } = values;
const out = join(root, "test/reference/verdict-methods.json");
const stored = JSON.parse(readFileSync(out, "utf8"));
// The cases define a method of their own, so they and the trainer must be one program: everything from the sources.
const jiti = createJiti(import.meta.url);
const { openRun, pretrain, verdict } = await jiti.import(join(root, "src/index.ts"));
const { featureProbes } = await jiti.import(join(root, "src/public/evaluate.ts"));
const { methodCases } = await jiti.import(join(root, "test/inspect/method-cases.ts"));
const { writeGrey } = await jiti.import(join(root, "test/inspect/pictures.ts"));

if (!existsSync(join(work, "shapes"))) writeGrey(join(work, "shapes"), "shapes", 1024);
if (!existsSync(join(work, "wrong"))) writeGrey(join(work, "wrong"), "shapes", 1024, "wrong");

const lines = [];
for (const each of methodCases(work)) {
  const known = stored.find(({ name }) => name === each.name);
  if (known !== undefined && !each.name.includes(only)) {
    lines.push(JSON.stringify(known));
    continue;
  }
  const folder = join(work, "runs", each.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-"));
  if (!existsSync(join(folder, "run.json")) || openRun(folder).run.status !== "finished") {
    const run = pretrain(each.config, { out: folder, overwrite: true, probes: featureProbes });
    for await (const _ of run); // to its end
    await run.close();
  }
  const opened = openRun(folder);
  process.stdout.write(`${each.name}: ${verdict(opened.events, opened.run).headline}\n`);
  lines.push(JSON.stringify(compact(each, opened)));
}
writeFileSync(out, `[\n${lines.join(",\n")}\n]\n`);

/** Columns instead of events; times left out. */
function compact({ name, signal }, { run, events }) {
  const digits = (value) => Number(Number(value).toPrecision(3));
  const steps = events.filter(({ type }) => type === "step");
  const { derived, health } = run;
  const names = health.signals.map((one) => one.name).filter((key) => steps[0].parts[key] !== undefined);
  const parts = Object.fromEntries(names.map((key) => [key, steps.map((step) => digits(step.parts[key]))]));
  const heldOut = events
    .filter(({ type }) => type === "heldOut")
    .map((event) => [
      event.step,
      digits(event.loss),
      Object.fromEntries(Object.entries(event.parts ?? {}).map(([key, value]) => [key, digits(value)])),
    ]);
  const probes = events
    .filter(({ type }) => type === "probe")
    .map(({ step, name: probe, value }) => [step, probe, digits(value)]);
  const { queries } = run.config.log.probe;
  return {
    name,
    signal,
    derived,
    health,
    queries,
    loss: steps.map(({ loss }) => digits(loss)),
    parts,
    heldOut,
    probes,
  };
}
