// Does memory stay flat? A whole pre-training run on a folder of small pictures (decoding workers, checkpoints, preview
// pictures, events), resident memory and live tensors after step 100 and after step 500.
// usage: node bench/memory.mjs [--steps 500] [--record] [--json]
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import sharp from "sharp";
import { KeyedRandom } from "../dist/data/random.js";
import { pretrain } from "../dist/index.js";
import { liveTensors } from "../dist/public/tensor.js";
import { statusBytes } from "./machine.mjs";
import { BenchError } from "./peer.mjs";
import { writeRecord } from "./record.mjs";
import { writeTables } from "./table.mjs";

/** Issue of the foundation: resident memory after 500 steps at most that after 100 plus this share. */
export const allowedGrowth = 0.01;

const pictures = 320;
const batchSize = 32;
const side = 40;
const settings = `ViT 64 × 2, patch 4, 32 px, batch ${batchSize}, ${pictures} PNG files`;

/** Pictures of coloured noise: PNG, so that decoding is at work as well. */
async function writePictures(folder) {
  mkdirSync(folder, { recursive: true });
  for (let sample = 0; sample < pictures; sample++) {
    const random = new KeyedRandom({ seed: 0, purpose: "pictures", epoch: 0, sample });
    const pixels = Uint8Array.from({ length: side * side * 3 }, () => random.integer(256));
    await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
      .png()
      .toFile(join(folder, `${sample}.png`));
  }
}

function configOf(folder, steps) {
  return {
    epochs: (steps * batchSize) / pictures,
    model: { name: "vit", width: 64, depth: 2, heads: 2, patchSize: 4 },
    method: { name: "mae", decoder: { width: 32, depth: 1, heads: 2 } },
    data: { source: { kind: "folder", path: folder }, imageSize: 32, batchSize },
    optim: { name: "adamw" },
    // Checkpoints and pictures come before the first measurement too: what they set up once is no growth.
    log: { checkpointSteps: 40, previewSeconds: 0.5 },
  };
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

const residentBytes = () => statusBytes(readFileSync("/proc/self/status", "utf8"), "VmRSS");

/**
 * `asFound` is resident memory as it is; it holds garbage of V8, which collects when it sees fit: every few hundred
 * steps here, some tens of megabytes. `resident` is measured after a collection: what training really holds.
 */
async function measure(step) {
  const asFound = residentBytes();
  for (let i = 0; i < 3; i++) {
    collect();
    await wait(100); // pages are given back by a thread of V8, and only after a second collection some of them
  }
  return { step, asFound, resident: residentBytes(), heap: process.memoryUsage().heapTotal, tensors: liveTensors() };
}

/** Trains and measures. @param {readonly number[]} at steps */
async function train(folder, at) {
  const measured = [];
  const data = join(folder, "pictures");
  await writePictures(data);
  const run = pretrain(configOf(data, at.at(-1)), { out: join(folder, "run") });
  for await (const event of run) {
    if (event.type === "step" && at.includes(event.step)) measured.push(await measure(event.step));
  }
  return measured;
}

/** @param {number} steps */
async function run(steps) {
  const folder = mkdtempSync(join(tmpdir(), "lacuna-memory-"));
  try {
    const measured = await train(folder, [1, steps / 5, (steps * 2) / 5, (steps * 3) / 5, (steps * 4) / 5, steps]);
    return { at: new Date().toISOString(), settings, steps, measured, first: measured[1], last: measured.at(-1) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const growthOf = ({ first, last }) => last.resident / first.resident - 1;

function report(memory) {
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  for (const { step, resident, asFound, heap, tensors } of memory.measured) {
    const parts = `${megabytes(asFound)} before collecting garbage; JavaScript heap ${megabytes(heap)}`;
    const sizes = `${megabytes(resident)} resident (${parts})`;
    process.stdout.write(`after step ${step}: ${sizes}, ${tensors} live tensors\n`);
  }
  const [from, to] = [memory.first.step, memory.last.step];
  const growth = (growthOf(memory) * 100).toFixed(2);
  process.stdout.write(`growth from step ${from} to ${to}: ${growth} % (allowed: ${allowedGrowth * 100} %)\n`);
}

async function main() {
  const flag = { type: "boolean", default: false };
  const { values } = parseArgs({ options: { steps: { type: "string", default: "500" }, record: flag, json: flag } });
  const steps = Number(values.steps);
  if (!Number.isInteger(steps / 5) || steps <= 0)
    throw new BenchError(`--steps: expected a multiple of 5, got ${values.steps}.`);
  const memory = await run(steps);
  if (values.json) process.stdout.write(`${JSON.stringify(memory, null, 2)}\n`);
  else report(memory);
  if (values.record) {
    writeRecord((record) => ({ ...record, memory }));
    for (const path of writeTables()) process.stderr.write(`wrote ${path}\n`);
  }
  if (growthOf(memory) > allowedGrowth || memory.last.tensors !== memory.measured[0].tensors) process.exitCode = 1;
}

main().catch((error) => {
  process.stderr.write(`\nbench: ${error instanceof BenchError ? error.message : error.stack}\n`);
  process.exitCode = 1;
});
