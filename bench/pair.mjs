// One case: a process of Lacuna and one of each peer, asked in turn for one step at a time, so that only one computes.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { cacheFolder } from "../tools/setup/libtorch.mjs";
import { agreement } from "./agreement.mjs";
import { kinds } from "./cases/kinds.mjs";
import { contextOf } from "./cases/prepare.mjs";
import { busyCores, cpuSeconds, peakBytes } from "./machine.mjs";
import { BenchError, Peer } from "./peer.mjs";
import { spread } from "./statistics.mjs";

const here = import.meta.dirname;

/** Threads of OpenMP spin for some milliseconds after their work before they sleep; the other side waits so long. */
const pauseMs = 50;
const busySampleMs = 2000;

/**
 * @typedef {object} PairOptions
 * @property {import("./cases/index.mjs").Case} settings
 * @property {string} precision
 * @property {Readonly<Record<string, import("./cases/kinds.mjs").Side>>} peers by name
 * @property {number} pairs
 * @property {number} warmup
 * @property {number} threads
 * @property {string} python
 * @property {string | undefined} pictures
 * @property {(line: string) => void} say
 */

/** Runs a case. @param {PairOptions} options @throws BenchError where Lacuna fails, every peer does, or they do not agree */
export async function runPair(options) {
  const folder = join(cacheFolder(), `bench-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const running = [];
  try {
    options.say("  writing what all sides load");
    const shared = await kinds[options.settings.kind].prepare(contextOf({ ...options, folder }));
    const started = await start({ ...options, shared, running });
    return await compare(started, options);
  } finally {
    await Promise.all(running.map((peer) => peer.end()));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts all sides, one after the other, and lets each take its first step: that is when a model is compiled. */
async function start({ settings, precision, peers, threads, python, shared, running, say }) {
  const { ours } = kinds[settings.kind];
  // Both read the thread counts when they load; setThreads and torch.set_num_threads say them again.
  const counts = { OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) };
  const common = { ...process.env, ...counts, PYTHONDONTWRITEBYTECODE: "1" };
  const begin = async (name, { program, options, env = {}, as = name }) => {
    say(`  loading ${name}`);
    const [command, script] =
      program === "python" ? [python, "pytorch/worker.py"] : [process.execPath, "workers/main.mjs"];
    const told = JSON.stringify({ side: as, settings, precision, threads, ...shared, ...options });
    const peer = new Peer(name, command, [join(here, script), told], { ...common, ...env });
    running.push(peer);
    const about = await peer.ready();
    if (about.threads !== threads) throw new BenchError(`${name} uses ${about.threads} threads, not ${threads}.`);
    const checked = await checkValues(peer, settings, precision);
    return { name, peer, about, checked, first: await peer.ask({ do: "step" }) };
  };
  const sides = [await begin("lacuna", { program: "node", ...ours })];
  const failed = [];
  for (const [name, peer] of Object.entries(peers)) {
    try {
      sides.push(await begin(name, { program: "python", ...peer }));
    } catch (error) {
      if (!(error instanceof BenchError)) throw error;
      say(`  ${name} failed and is left out: ${error.message}`);
      failed.push({ name, why: error.message.slice(-500) });
    }
  }
  if (sides.length === 1) throw new BenchError("No peer could be started.", failed.map(({ why }) => why).join("\n"));
  return { sides, failed };
}

/** The same weights and inputs must give the same values, or the rest compares two different things. */
async function checkValues(peer, settings, precision) {
  const values = {};
  for (const { name, message } of kinds[settings.kind].checks(precision, settings))
    values[name] = (await peer.ask({ do: "check", ...message })).values;
  return values;
}

async function compare({ sides, failed }, options) {
  const { settings, precision, pairs, warmup, say } = options;
  const kind = kinds[settings.kind];
  const check = {};
  for (const { name, tolerance, measure } of kind.checks(precision, settings)) {
    const values = sides.map((side) => [side.name, side.checked[name]]);
    check[name] = agreement(values, { tolerance, measure, what: name });
  }
  for (let i = 1; i < warmup; i++) for (const { peer } of sides) await peer.ask({ do: "step" }); // the first is done
  const busyBefore = await busyCores(busySampleMs);
  if (busyBefore > 0.3) say(`  warning: ${busyBefore.toFixed(1)} cores are busy with something else`);
  const rounds = [];
  for (let i = 0; i < pairs; i++) {
    rounds.push(await oneRound(sides));
    say(
      `  ${i + 1} of ${pairs}: ${rounds[i].map(({ milliseconds }) => `${milliseconds.toPrecision(4)} ms`).join(" · ")}`,
    );
  }
  const answersOf = (k) => rounds.map((round) => round[k]);
  const results = sides.map((side, k) => summarise(side, answersOf(k)));
  if (kind.trained) {
    const losses = results.map(({ name, lastLoss }) => [name, [lastLoss]]);
    check.trained = agreement(losses, { tolerance: kind.trained[precision], what: "the loss after the last step" });
  }
  for (const { name, idleCoresOfOthers } of results)
    if (idleCoresOfOthers > 0.1) say(`  warning: while ${name} computed, the others used ${idleCoresOfOthers} cores`);
  const norm = kind.trained ? { gradientNorm: await measureNorm(sides[0], pairs) } : {};
  const products = kind.rated ? { products: await sides[0].peer.ask({ do: "rate" }) } : {};
  return { check, busyBefore, sides: results, failed, ...norm, ...products };
}

/** One step of each. `idle`: CPU seconds that the waiting sides used meanwhile, for each second of the step. */
async function oneRound(sides) {
  const answers = [];
  for (const { peer } of sides) {
    await wait(pauseMs);
    const others = sides.filter((side) => side.peer !== peer).map((side) => side.peer.pid);
    const idleBefore = others.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    const began = performance.now();
    const answer = await peer.ask({ do: "step" });
    const seconds = (performance.now() - began) / 1000;
    const idle = others.reduce((sum, pid) => sum + cpuSeconds(pid), 0) - idleBefore;
    answers.push({ ...answer, idle: idle / Math.max(seconds, 0.01) }); // /proc counts in hundredths of a second
  }
  return answers;
}

function summarise({ name, peer, about }, answers) {
  const milliseconds = answers.map((answer) => answer.milliseconds);
  const last = answers.at(-1);
  return {
    name,
    version: about.version,
    milliseconds,
    ...spread(milliseconds),
    ...(last.loss === undefined ? {} : { lastLoss: last.loss }),
    peakBytes: last.peakBytes ?? peakBytes(peer.pid),
    /** While this side computed, the others used so many cores: near 0, or they took its time. */
    idleCoresOfOthers: Math.max(...answers.map((answer) => answer.idle)),
  };
}

/** What the norm adds that Trainer logs at every step: the peers compute none, so it is left out of the pairs. */
async function measureNorm({ peer }, pairs) {
  const answers = [];
  for (let i = 0; i < Math.min(5, pairs); i++) answers.push(await peer.ask({ do: "step", withNorm: true }));
  return {
    milliseconds: spread(answers.map((answer) => answer.normMilliseconds)).median,
    stepMilliseconds: spread(answers.map((answer) => answer.milliseconds)).median,
  };
}
