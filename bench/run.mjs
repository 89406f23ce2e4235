// `npm run bench`: Lacuna's training step against plain PyTorch's, interleaved, in one run on one machine.
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { KeyedRandom } from "../dist/data/random.js";
import { commit } from "../dist/train/environment.js";
import { cases, peerNames, peers, precisions } from "./cases.mjs";
import { describeMachine, loadAverage, speedSettings } from "./machine.mjs";
import { runPair } from "./pair.mjs";
import { BenchError } from "./peer.mjs";
import { benchPython } from "./pytorch/python.mjs";
import { merge, writeRecord } from "./record.mjs";
import { ratioOfMedians } from "./statistics.mjs";
import { resultLines, writeTables } from "./table.mjs";

const help = `npm run bench -- [options]

Times one training step of Lacuna and of plain PyTorch in turn (A B A B …), after checking that both compute the same.
  --case <names>        ${cases.map(({ name }) => name).join(", ")} (default: all)
  --precision <names>   ${precisions.join(", ")} (default: bfloat16)
  --peers <names>       ${peerNames.join(", ")} (default: eager)
  --pairs <n>           timed pairs (default 15), after --warmup <n> (default 3)
  --batch <n>           another batch than the case's
  --threads <n>         default: the cores that this process may use
  --record              keep the results in records/<date>-bench and make docs/speed.md from them
  --json                print the results as JSON
  --allow-busy          measure although the machine is busy

PyTorch is installed once into the cache folder. LACUNA_BENCH_PYTHON=<python> uses another one.
`;

const options = {
  case: { type: "string", default: cases.map(({ name }) => name).join() },
  precision: { type: "string", default: "bfloat16" },
  peers: { type: "string", default: "eager" },
  pairs: { type: "string", default: "15" },
  warmup: { type: "string", default: "3" },
  batch: { type: "string" },
  threads: { type: "string" },
  record: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  "allow-busy": { type: "boolean", default: false },
  help: { type: "boolean", default: false },
};

function readOptions(args) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new BenchError(error.message, "Try --help.");
  }
}

/** Names of a list, each known. */
function named(text, known, what) {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  throw new BenchError(`There is no ${what} ${unknown}; there are ${known.join(", ")}.`);
}

function count(text, what) {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new BenchError(`--${what}: expected a whole number above 0, got ${text}.`);
}

/** What was asked for, checked before anything is installed or loaded. */
function plan(values) {
  const names = named(
    values.case,
    cases.map(({ name }) => name),
    "case",
  );
  const chosen = cases.filter(({ name }) => names.includes(name));
  return {
    settings: chosen.map((one) => ({ ...one, ...(values.batch && { batch: count(values.batch, "batch") }) })),
    precisions: named(values.precision, precisions, "precision"),
    against: named(values.peers, peerNames, "peer"),
    pairs: count(values.pairs, "pairs"),
    warmup: count(values.warmup, "warmup"),
    threads: values.threads ? count(values.threads, "threads") : describeMachine().cores,
  };
}

const quietSeconds = 120;

/** A load above 1 makes a comparison worthless. What set-up has just done fades in a minute or two. */
async function waitUntilQuiet(allowBusy, say) {
  const until = Date.now() + quietSeconds * 1000;
  for (let told = false; loadAverage() > 1 && !allowBusy && Date.now() < until; told = true) {
    if (!told) say(`the load is ${loadAverage()}; waiting up to ${quietSeconds} s for it to fall below 1`);
    await wait(2000);
  }
  const load = loadAverage();
  if (load <= 1) return load;
  if (!allowBusy)
    throw new BenchError(
      `The machine is busy (load ${load}).`,
      "End what else runs on it, or measure all the same with --allow-busy.",
    );
  say(`warning: the machine is busy (load ${load}); these numbers mean little`);
  return load;
}

/** One case in one precision, with everything that a record needs. */
async function measure(settings, precision, { against, pairs, warmup, threads }, context) {
  const outcome = await runPair({ settings, precision, against, pairs, warmup, threads, ...context });
  const [ours, ...others] = outcome.sides;
  const ratios = others.map((theirs) => {
    const random = new KeyedRandom({ seed: 0, purpose: "bootstrap", epoch: 0, sample: 0 });
    const integer = (n) => random.integer(n);
    const speed = ratioOfMedians(theirs.milliseconds, ours.milliseconds, { integer });
    return { peer: theirs.name, title: peers[theirs.name].title, ...speed, memory: ours.peakBytes / theirs.peakBytes };
  });
  const about = { at: new Date().toISOString(), commit: commit(), node: process.versions.node, threads, pairs, warmup };
  return {
    ...about,
    machine: describeMachine(),
    environment: speedSettings(),
    settings,
    precision,
    ratios,
    ...outcome,
  };
}

async function main(args) {
  const values = readOptions(args);
  if (values.help) return void process.stdout.write(help);
  const asked = plan(values);
  const say = (line) => process.stderr.write(`bench: ${line}\n`);
  const python = await benchPython();
  const loadBefore = await waitUntilQuiet(values["allow-busy"], say);
  const results = [];
  for (const settings of asked.settings) {
    for (const precision of asked.precisions) {
      say(
        `${settings.title}, batch ${settings.batch}, ${precision}, ${asked.threads} threads (load before: ${loadBefore})`,
      );
      const result = { loadBefore, ...(await measure(settings, precision, asked, { python, say })) };
      results.push(result);
      if (!values.json) process.stdout.write(`${resultLines(result).join("\n")}\n\n`);
      if (values.record) writeRecord((record) => ({ ...record, results: merge(record.results, result) }));
    }
  }
  if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  if (values.record) for (const path of writeTables()) say(`wrote ${path}`);
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`\nbench: ${error instanceof BenchError ? error.message : error.stack}\n`);
  process.exitCode = 1;
});
