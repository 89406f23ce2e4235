// How near does a plan come? For each setting: the plan, then some steps of the run itself in a process of its own, and the
// ratio of both for pictures a second and for peak memory. On an idle machine.
// usage: node bench/plan-accuracy.mjs [--steps 40] [--only <part of a name>] [--json]
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openSource, pretrain } from "../dist/index.js";
import { forecast } from "../dist/plan/forecast.js";
import { measureDecoding } from "../dist/public/plan.js";
import { parseConfig } from "../dist/public/train.js";
import { statusBytes } from "./machine.mjs";

/** The bar: a plan is right within this share. */
export const allowedError = 0.2;

const cifar = { kind: "cifar10", split: "train" };
const mae = (width, depth, heads) => ({ name: "mae", decoder: { width, depth, heads } });

/** Three runs of different size and kind: small tokens, a middling one with a large share of decoder, one of large pictures. */
export const settings = {
  "cifar10, 192 × 12, patch 4": {
    model: { name: "vit", size: "tiny", patchSize: 4 },
    method: { ...mae(96, 2, 3), augmentation: "fixedCrop" },
    data: { source: cifar, imageSize: 32, batchSize: 256 },
  },
  "cifar10 at 128 px, small, patch 16": {
    model: { name: "vit", size: "small", patchSize: 16 },
    method: mae(256, 4, 8),
    data: { source: cifar, imageSize: 128, batchSize: 64 },
  },
  "cifar10 at 224 px, base, patch 16, checkpointing": {
    checkpointing: true,
    model: { name: "vit", size: "base", patchSize: 16 },
    method: mae(512, 8, 16),
    data: { source: cifar, imageSize: 224, batchSize: 32 },
  },
};

/** The run itself: pictures a second after the first quarter, and the most memory. */
async function measure(name, steps) {
  const input = { ...settings[name], log: { previewPictures: 0, checkpointSeconds: 1e6 } };
  const run = pretrain({ ...input, epochs: (steps * input.data.batchSize) / 50_000 });
  const times = [];
  for await (const event of run) {
    if (event.type === "step") times.push(performance.now());
    if (times.length === steps) break;
  }
  await run.close();
  const from = Math.floor(steps / 4);
  const seconds = (times.at(-1) - times[from]) / 1000;
  const imagesPerSecond = ((times.length - 1 - from) * input.data.batchSize) / seconds;
  return { imagesPerSecond, peakBytes: statusBytes(readFileSync("/proc/self/status", "utf8"), "VmHWM") };
}

/** What `lacuna plan` works out. */
async function plan(name) {
  const config = parseConfig({ ...settings[name], epochs: 1 });
  const decoding = await measureDecoding(config, await openSource(config.data.source));
  const processBytes = decoding?.processBytes ?? process.memoryUsage.rss();
  const found = forecast(config, { decodedPerSecond: decoding?.perSecond, processBytes, again: false });
  return { imagesPerSecond: found.imagesPerSecond, peakBytes: found.memory.totalBytes, step: found.step };
}

/** A measurement in a process of its own, so that neither warms or fills the other's. */
function apart(...args) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...args], {
    encoding: "utf8",
    maxBuffer: 1e8,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** The plan first, as for a person; then the run. */
function compare(name, steps) {
  const [planned, measured] = [apart("--plan", name), apart("--run", name, "--steps", String(steps))];
  const ratio = (key) => planned[key] / measured[key];
  return { name, planned, measured, speed: ratio("imagesPerSecond"), memory: ratio("peakBytes") };
}

function lines({ name, planned, measured, speed, memory }) {
  const rate = ({ imagesPerSecond }) => `${imagesPerSecond.toPrecision(3)} images/s`;
  const size = ({ peakBytes }) => `${(peakBytes / 1e9).toFixed(2)} GB`;
  const parts = Object.entries(planned.step).map(([part, seconds]) => `${part} ${(1000 * seconds).toFixed(0)}`);
  return [
    name,
    `  planned   ${rate(planned)}, ${size(planned)}  (ms a step: ${parts.join(", ")})`,
    `  measured  ${rate(measured)}, ${size(measured)}`,
    `  planned / measured  ${speed.toFixed(2)} of the speed, ${memory.toFixed(2)} of the memory`,
  ];
}

async function main() {
  const text = { type: "string" };
  const { values } = parseArgs({
    options: {
      steps: { ...text, default: "40" },
      only: text,
      run: text,
      plan: text,
      json: { type: "boolean", default: false },
    },
  });
  const steps = Number(values.steps);
  if (values.run !== undefined || values.plan !== undefined) {
    const found = values.run === undefined ? await plan(values.plan) : await measure(values.run, steps);
    process.stdout.write(JSON.stringify(found));
    return;
  }
  const names = Object.keys(settings).filter((name) => name.includes(values.only ?? ""));
  const results = [];
  for (const name of names) {
    const result = compare(name, steps);
    results.push(result);
    if (!values.json) process.stdout.write(`${lines(result).join("\n")}\n`);
  }
  if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  const isNear = (ratio) => Math.abs(ratio - 1) <= allowedError;
  if (!results.every(({ speed, memory }) => isNear(speed) && isNear(memory))) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
