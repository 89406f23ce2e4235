// One case: a process of Lacuna and one of each peer, asked in turn for one step at a time, so that only one computes.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { cacheFolder } from "../tools/setup/libtorch.mjs";
import { run } from "../tools/setup/process.mjs";
import { peers } from "./cases.mjs";
import { busyCores, cpuSeconds, peakBytes } from "./machine.mjs";
import { BenchError, Peer } from "./peer.mjs";
import { spread } from "./statistics.mjs";

const here = import.meta.dirname;

/** Threads of OpenMP spin for some milliseconds after their work before they sleep; the other side waits so long. */
const pauseMs = 50;
const busySampleMs = 2000;

/** Relative differences of the losses that still count as the same computation. */
export const tolerances = {
  /** Forward, float32. */
  float32: 1e-5,
  /** Forward, bfloat16: sums in another order, each rounded to 8 bits. Three times what was seen on ViT-Ti. */
  bfloat16: 2e-3,
  /** The loss after all the steps of the comparison: gradients and optimiser agree as well. */
  trained: { float32: 1e-3, bfloat16: 2e-2 },
};

/**
 * @typedef {object} PairOptions
 * @property {import("./cases.mjs").Case} settings
 * @property {string} precision
 * @property {readonly string[]} against names of peers
 * @property {number} pairs
 * @property {number} warmup
 * @property {number} threads
 * @property {string} python
 * @property {(line: string) => void} say
 */

/** Runs a case. @param {PairOptions} options @throws BenchError where a process fails or the sides do not agree */
export async function runPair(options) {
  const folder = join(cacheFolder(), `bench-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const inputs = join(folder, "inputs.safetensors");
  const running = [];
  try {
    options.say("  writing weights, images and noise for all sides");
    await write(options.settings, inputs);
    const sides = await start({ ...options, inputs, running });
    rmSync(inputs);
    return await compare(sides, options);
  } finally {
    await Promise.all(running.map((peer) => peer.end()));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function write(settings, path) {
  const { ok, output } = await run(process.execPath, [join(here, "inputs.mjs"), JSON.stringify(settings), path]);
  if (!ok) throw new BenchError(`The inputs could not be written:\n${output.trim()}`);
}

/** Starts all sides, one after the other. Lacuna comes first in the list. */
async function start({ precision, against, threads, python, inputs, running, say }) {
  // Both read the thread counts when they load; setThreads and torch.set_num_threads say them again.
  const counts = { OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) };
  const env = { ...process.env, ...counts, PYTHONDONTWRITEBYTECODE: "1" };
  const common = { inputs, precision, threads };
  const begin = async (name, command, script, options) => {
    say(`  loading ${name}`);
    const peer = new Peer(name, command, [join(here, script), JSON.stringify(options)], env);
    running.push(peer);
    const about = await peer.ready();
    if (about.threads !== threads) throw new BenchError(`${name} uses ${about.threads} threads, not ${threads}.`);
    return { name, peer, about };
  };
  const sides = [await begin("lacuna", process.execPath, "worker.mjs", common)];
  for (const name of against) {
    const { attention, compile } = peers[name];
    sides.push(await begin(name, python, "pytorch/worker.py", { ...common, attention, compile }));
  }
  return sides;
}

async function compare(sides, { precision, pairs, warmup, say }) {
  const check = { ...(await checkForward(sides)) };
  for (let i = 0; i < warmup; i++) for (const { peer } of sides) await peer.ask({ do: "step" });
  const busyBefore = await busyCores(busySampleMs);
  if (busyBefore > 0.3) say(`  warning: ${busyBefore.toFixed(1)} cores are busy with something else`);
  const rounds = [];
  for (let i = 0; i < pairs; i++) {
    rounds.push(await oneRound(sides));
    say(`  ${i + 1} of ${pairs}: ${rounds[i].map(({ milliseconds }) => `${milliseconds.toFixed(0)} ms`).join(" · ")}`);
  }
  const results = sides.map((side, k) =>
    summarise(
      side,
      rounds.map((round) => round[k]),
    ),
  );
  check.trained = checkTrained(results, precision);
  for (const { name, idleCoresOfOthers } of results)
    if (idleCoresOfOthers > 0.1) say(`  warning: while ${name} computed, the others used ${idleCoresOfOthers} cores`);
  return { check, busyBefore, sides: results, gradientNorm: await measureNorm(sides[0], pairs) };
}

/** The same weights, images and noise must give the same loss, or the rest compares two different things. */
async function checkForward(sides) {
  const check = {};
  for (const precision of ["float32", "bfloat16"]) {
    const losses = [];
    for (const { name, peer } of sides) losses.push([name, (await peer.ask({ do: "loss", precision })).loss]);
    check[precision] = agreement(losses, tolerances[precision], `forward in ${precision}`);
  }
  return check;
}

function checkTrained(results, precision) {
  const losses = results.map(({ name, lastLoss }) => [name, lastLoss]);
  return agreement(losses, tolerances.trained[precision], "after the last step");
}

/** @param {[string, number][]} losses ours first */
export function agreement(losses, tolerance, what) {
  const [[, ours], ...others] = losses;
  const difference = Math.max(...others.map(([, loss]) => Math.abs(loss - ours) / Math.abs(loss)));
  if (!(difference <= tolerance)) {
    const list = losses.map(([name, loss]) => `${name} ${loss}`).join(", ");
    throw new BenchError(`The losses differ ${what}: ${list} (tolerance ${tolerance}). Nothing was compared.`);
  }
  return { losses: Object.fromEntries(losses), difference, tolerance };
}

/** One step of each. `idle`: CPU seconds that the waiting sides used meanwhile, for each second of the step. */
async function oneRound(sides) {
  const answers = [];
  for (const { peer } of sides) {
    await wait(pauseMs);
    const others = sides.filter((side) => side.peer !== peer).map((side) => side.peer.pid);
    const idleBefore = others.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    const answer = await peer.ask({ do: "step" });
    const idle = others.reduce((sum, pid) => sum + cpuSeconds(pid), 0) - idleBefore;
    answers.push({ ...answer, idle: idle / (answer.milliseconds / 1000) });
  }
  return answers;
}

function summarise({ name, peer, about }, answers) {
  const milliseconds = answers.map((answer) => answer.milliseconds);
  return {
    name,
    version: about.version,
    milliseconds,
    ...spread(milliseconds),
    lastLoss: answers.at(-1).loss,
    importedBytes: about.imported,
    peakBytes: peakBytes(peer.pid),
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
