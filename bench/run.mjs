// `npm run bench`: Lacuna and its peers in turn, in one run on one machine.
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { KeyedRandom } from "../dist/data/random.js";
import { commit } from "../dist/train/loop/environment.js";
import { keepBusy } from "./beside.mjs";
import { cases } from "./cases/index.mjs";
import { kinds, variant } from "./cases/kinds.mjs";
import { describeMachine, loadAverage, speedSettings } from "./machine.mjs";
import { runPair } from "./pair.mjs";
import { BenchError } from "./peer.mjs";
import { benchPython } from "./pytorch/python.mjs";
import { merge, recordFolder, writeRecord } from "./record.mjs";
import { ratioOfMedians } from "./statistics.mjs";
import { resultLines, writeTables } from "./table.mjs";

const help = `npm run bench -- [options]

Times Lacuna and its peers in turn (A B A B …), after checking that all compute the same.
  --cases <names>       default: all; --list names them
  --precision <names>   bfloat16, float32 (default: all that a case has)
  --peers <names>       default: all of a case; "none" where only --env is to be compared
  --env <NAME=VALUE>    Lacuna once more, with this in its environment, as a further peer (may be given several times)
  --beside <n>          so many processes keep a core busy meanwhile
  --pairs <n>           timed pairs (default 15), after --warmup <n> (default 3)
  --batch <n>           another batch than the case's
  --threads <n>         default: the cores that this process may use; cases of one core keep to one
  --pictures <folder>   JPEG files for the decoding cases (default: cut from photographs of Debian's packages)
  --list                names, batches, precisions and peers of all cases
  --record              keep the results in records/<date>-bench and make docs/speed.md from them
  --processor <name>    with --record: a record of its own for this processor, shown below the main one (ice-lake)
  --json                print the results as JSON
  --allow-busy          measure although the machine is busy

PyTorch, timm, torchvision, transformers and onnxruntime are installed once into the cache folder. LACUNA_BENCH_PYTHON=<python>
uses a Python that has them.
`;

const options = {
  cases: { type: "string" },
  precision: { type: "string" },
  peers: { type: "string" },
  env: { type: "string", multiple: true, default: [] },
  beside: { type: "string" },
  pairs: { type: "string", default: "15" },
  warmup: { type: "string", default: "3" },
  batch: { type: "string" },
  threads: { type: "string" },
  pictures: { type: "string" },
  list: { type: "boolean", default: false },
  record: { type: "boolean", default: false },
  processor: { type: "string" },
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

/** Names of a list, each known; all where there is no list. */
function named(text, known, what) {
  if (text === undefined) return known;
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

const unique = (names) => [...new Set(names)];
const peersOf = ({ kind }) => Object.keys(kinds[kind].peers);

/** Settings for a further process of Lacuna, each NAME=VALUE. */
function environments({ env, beside, record }) {
  if (record && (env.length > 0 || beside !== undefined))
    throw new BenchError("--env and --beside are for experiments: they are not recorded.", "Leave out --record.");
  const wrong = env.find((setting) => !/^\w+=/.test(setting));
  if (wrong === undefined) return env;
  throw new BenchError(`--env: expected NAME=VALUE, got ${wrong}.`);
}

/** The sides that a case is compared with, by name. */
function sidesOf(kind, names, settings) {
  const variants = settings.map((setting) => [setting, variant(kind, setting)]);
  return Object.fromEntries([...names.map((name) => [name, kind.peers[name]]), ...variants]);
}

/** What was asked for, checked before anything is installed or loaded: one entry for each case and precision. */
function plan(values) {
  const names = named(
    values.cases,
    cases.map(({ name }) => name),
    "case",
  );
  const chosen = cases.filter(({ name }) => names.includes(name));
  const precisions = named(values.precision, unique(cases.flatMap((one) => one.precisions)), "precision");
  const variants = environments(values);
  if (values.peers === "none" && variants.length === 0)
    throw new BenchError("--peers none leaves nothing to compare with.", "Name a peer, or a setting with --env.");
  const known = unique(chosen.flatMap(peersOf));
  const peers = values.peers === "none" ? [] : named(values.peers, known, "peer of these cases");
  const threads = values.threads ? count(values.threads, "threads") : describeMachine().cores;
  const [pairs, warmup] = [count(values.pairs, "pairs"), count(values.warmup, "warmup")];
  return chosen.flatMap((one) => {
    const chosenPeers = peersOf(one).filter((name) => peers.includes(name));
    const against = sidesOf(kinds[one.kind], chosenPeers, variants);
    const settings = { ...one, ...(values.batch && { batch: count(values.batch, "batch") }) };
    const common = { pairs, warmup, threads: one.threads ?? threads, pictures: values.pictures };
    const wanted = one.precisions.filter((precision) => precisions.includes(precision));
    if (Object.keys(against).length === 0) return [];
    return wanted.map((precision) => ({ ...common, settings, peers: against, precision }));
  });
}

function list() {
  const wide = Math.max(...cases.map(({ name }) => name.length));
  const lines = cases.map((one) => {
    const precisions = one.imageSize === undefined ? "" : `; ${one.precisions.join(", ")}`;
    const batch = one.imageSize === undefined ? "" : `, batch ${one.batch}`;
    return `${one.name.padEnd(wide)}  ${one.title}${batch}${precisions}; ${peersOf(one).join(", ")}`;
  });
  process.stdout.write(`${lines.join("\n")}\n`);
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
async function measure(asked, context) {
  const { settings, precision, peers, pairs, warmup, threads } = asked;
  const outcome = await runPair({ ...asked, ...context });
  const [ours, ...others] = outcome.sides;
  const ratios = others.map((theirs) => {
    const random = new KeyedRandom({ seed: 0, purpose: "bootstrap", epoch: 0, sample: 0 });
    const integer = (n) => random.integer(n);
    const speed = ratioOfMedians(theirs.milliseconds, ours.milliseconds, { integer });
    return { peer: theirs.name, title: peers[theirs.name].title, ...speed, memory: ours.peakBytes / theirs.peakBytes };
  });
  const about = { at: new Date().toISOString(), commit: commit(), node: process.versions.node, threads, pairs, warmup };
  const conditions = { machine: describeMachine(), environment: speedSettings() };
  return { ...about, ...conditions, settings, precision, ratios, ...outcome };
}

async function main(args) {
  const values = readOptions(args);
  if (values.help) return void process.stdout.write(help);
  if (values.list) return list();
  const asked = plan(values);
  const say = (line) => process.stderr.write(`bench: ${line}\n`);
  const python = await benchPython();
  const loadBefore = await waitUntilQuiet(values["allow-busy"], say);
  const release = keepBusy(values.beside === undefined ? 0 : count(values.beside, "beside"));
  try {
    await measureAll(asked, { values, python, say, loadBefore });
  } finally {
    release();
  }
}

/** Every case in turn, told and recorded as soon as it is done. */
async function measureAll(asked, { values, python, say, loadBefore }) {
  const results = [];
  const folder = recordFolder(new Date(), undefined, values.processor);
  for (const one of asked) {
    const { settings, precision, threads } = one;
    say(`${settings.name}, batch ${settings.batch}, ${precision}, ${threads} threads (load before: ${loadBefore})`);
    const result = await measure(one, { python, say }).catch((error) => failed(error, one));
    if (result === undefined) continue;
    results.push({ loadBefore, ...result });
    if (!values.json) process.stdout.write(`${resultLines(results.at(-1)).join("\n")}\n\n`);
    if (values.record) writeRecord((record) => ({ ...record, results: merge(record.results, results.at(-1)) }), folder);
  }
  if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  if (values.record) for (const path of writeTables(folder)) say(`wrote ${path}`);
}

function tell(error) {
  process.stderr.write(`\nbench: ${error instanceof BenchError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}

/** The other cases go on; that one failed is said at once and by the exit status. */
function failed(error, { settings }) {
  if (!(error instanceof BenchError)) throw error;
  tell(new BenchError(`${settings.name}: ${error.message}`));
}

main(process.argv.slice(2)).catch(tell);
