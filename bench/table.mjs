// Tables from records, never typed: docs/speed.md and the README of the record.
// usage: node bench/table.mjs [record folder]   (default: the newest)
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { BenchError } from "./peer.mjs";
import { newestRecord, readRecord, root } from "./record.mjs";

const precisionTitles = { bfloat16: "bf16", float32: "fp32" };

/** 1234.5 -> "1235 ms", 12.34 -> "12.3 ms" */
function milliseconds(value) {
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)} ms`;
}
const spreadOf = ({ median, p10, p90 }) =>
  `${milliseconds(median)} (${milliseconds(p10).slice(0, -3)}–${milliseconds(p90).slice(0, -3)})`;
const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;
const interval = ({ ratio, low, high }) => `${ratio.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
const rate = (side, batch) => ((batch * 1000) / side.median).toPrecision(3);
const caseTitle = ({ settings, precision }) =>
  `${settings.title}, batch ${settings.batch}, ${precisionTitles[precision]}`;

/** A result for the terminal. */
export function resultLines(result) {
  const { settings, sides, ratios, check, gradientNorm } = result;
  const title = (name) => ratios.find(({ peer }) => peer === name)?.title ?? "Lacuna";
  const wide = Math.max(...sides.map(({ name }) => title(name).length));
  const line = (side) =>
    `  ${title(side.name).padEnd(wide)}  ${spreadOf(side)}, ${rate(side, settings.batch)} images/s, peak ${megabytes(side.peakBytes)}`;
  return [
    `${caseTitle(result)} · ${result.threads} threads · ${result.pairs} pairs · load before ${result.loadBefore}`,
    ...sides.map(line),
    ...ratios.map(
      (one) => `  ${interval(one)} × ${one.title} (95 % interval), ${one.memory.toFixed(2)} × its peak memory`,
    ),
    `  same losses: within ${check.float32.difference.toExponential(1)} in fp32, ${check.bfloat16.difference.toExponential(1)} in bf16, ${check.trained.difference.toExponential(1)} after ${result.warmup + result.pairs} steps`,
    `  the gradient norm that a run logs adds ${milliseconds(gradientNorm.milliseconds)} a step`,
  ];
}

const header = ["step", "Lacuna", "PyTorch", "speed, × PyTorch (95 %)", "peak memory", "× PyTorch's"];

function rows(result) {
  const [ours, ...others] = result.sides;
  return others.map((theirs) => {
    const ratio = result.ratios.find(({ peer }) => peer === theirs.name);
    return [
      caseTitle(result),
      spreadOf(ours),
      `${ratio.title.replace("PyTorch ", "")}: ${spreadOf(theirs)}`,
      `**${interval(ratio)}**`,
      `${megabytes(ours.peakBytes)} · ${megabytes(theirs.peakBytes)}`,
      ratio.memory.toFixed(2),
    ];
  });
}

function memoryLines({ memory }) {
  if (memory === undefined) return [];
  const { settings, steps } = memory;
  const growth = ((memory.last.resident / memory.first.resident - 1) * 100).toFixed(2);
  return [
    "",
    `Memory over ${steps} steps (${settings}; the whole loop with its workers, garbage of V8 collected first): ${megabytes(memory.first.resident)} resident after`,
    `step ${memory.first.step}, ${megabytes(memory.last.resident)} after step ${memory.last.step} (${growth} %; before collecting ${megabytes(memory.first.asFound)} and ${megabytes(memory.last.asFound)}); live tensors ${memory.first.tensors} and ${memory.last.tensors}.`,
  ];
}

function conditions({ machine, threads, sides, loadBefore, at, commit, node, environment }) {
  const versions = [
    ...new Set(sides.map(({ name, version }) => `${name === "lacuna" ? "libtorch" : "PyTorch"} ${version}`)),
  ];
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return `${machine.cpu}, ${threads} threads, ${Math.round(machine.memoryBytes / 1e9)} GB, Linux ${machine.linux}; Node ${node}, ${versions.join(", ")}; load before ${loadBefore}; ${settings.length > 0 ? `${settings.join(" ")}; ` : ""}${at.slice(0, 10)}, commit ${commit?.slice(0, 12) ?? "none"}`;
}

/** The page of a record. @param {string} source the record's folder as the page shall name it */
export function page(record, source) {
  const table = [header, header.map(() => "---"), ...record.results.flatMap(rows)];
  const machines = [...new Set(record.results.map(conditions))];
  return `${[
    "# Speed",
    "",
    `<!-- Made by bench/table.mjs from ${source}; change nothing here. -->`,
    "",
    "One training step of a masked autoencoder: forward, backward, fused AdamW. `npm run bench` repeats it: the same weights,",
    "images and masks on both sides, checked to give the same loss; steps of both in turn, so that only one computes; medians",
    "with the 10th to 90th percentile. Speed is the ratio of medians with a bootstrap 95 % interval: above 1, Lacuna is faster.",
    "Peak memory is the process's largest resident size (VmHWM), libraries included.",
    "",
    ...table.map((cells) => `| ${cells.join(" | ")} |`),
    ...memoryLines(record),
    "",
    ...machines.map((line) => `Measured on: ${line}.`),
  ].join("\n")}\n`;
}

/** Writes the pages of a record. @returns their paths */
export function writeTables(folder = newestRecord()) {
  if (folder === undefined) throw new BenchError("There is no record yet.", "Run: npm run bench -- --record");
  const text = page(readRecord(folder), relative(root, folder));
  const paths = [join(folder, "README.md"), join(root, "docs", "speed.md")];
  for (const path of paths) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return paths.map((path) => relative(root, path));
}

if (process.argv[1] === import.meta.filename) {
  for (const path of writeTables(process.argv[2])) process.stdout.write(`${path}\n`);
}
