// What runs learned, as a record: 20-NN and linear probe before and after training, from the probes of each run.
// usage: node bench/learned.mjs RUN … --out records/<date>-… [--title "…"]
// Each run's folder in the record holds its run.json and its events, of the steps every 25th.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { openRun } from "../dist/index.js";

const options = { out: { type: "string" }, title: { type: "string", default: "What was learned" } };
const { values, positionals } = parseArgs({ allowPositionals: true, options });
if (values.out === undefined || positionals.length === 0)
  throw new Error('usage: node bench/learned.mjs RUN … --out FOLDER [--title "…"]');

/** First and last value of a probe. */
function ends(events, name) {
  const found = events.flatMap((event) => (event.type === "probe" && event.name === name ? [event.value] : []));
  return [found[0], found.at(-1)];
}

const percent = (value) => (100 * value).toFixed(1);
const change = ([before, after]) => `${percent(before)} → ${percent(after)} | +${percent(after - before)}`;

const rows = positionals.map((folder) => {
  const { run, events } = openRun(folder);
  const { method, model, seed } = run.config;
  const steps = events.filter((event) => event.type === "step");
  const target = join(values.out, basename(folder));
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, "run.json"), readFileSync(join(folder, "run.json")));
  const kept = events.filter((event) => event.type !== "step" || event.step % 25 === 0 || event.step === steps.length);
  writeFileSync(join(target, "events.jsonl"), `${kept.map((event) => JSON.stringify(event)).join("\n")}\n`);
  const loss = steps.at(-1)?.loss.toFixed(3);
  const [knn, linear] = [ends(events, "knn"), ends(events, "linear")];
  return `| ${method.name} | ${model.name} | ${seed} | ${steps.length} | ${loss} | ${change(knn)} | ${change(linear)} |`;
});

const { probe } = openRun(positionals[0]).run.config.log;
const text = [
  `# ${values.title}`,
  "",
  `Made by \`node bench/learned.mjs\` from ${positionals.length} runs. 20-NN and linear probe in percent, of features from whole pictures, as a run`,
  `probes itself (\`log.probe\`: ${JSON.stringify(probe)}); before training and after.`,
  "",
  "| method | model | seed | steps | last loss | 20-NN | points | linear probe | points |",
  "|---|---|---|---|---|---|---|---|---|",
  ...rows,
  "",
].join("\n");
writeFileSync(join(values.out, "README.md"), text);
process.stdout.write(text);
