// Tables from records, never typed: docs/speed.md and the README of the record.
// usage: node bench/table.mjs [record folder]   (default: the newest)
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { cases } from "./cases/index.mjs";
import { BenchError } from "./peer.mjs";
import { joinedRecords, newestRecord, otherRecords, readRecord, root } from "./record.mjs";
import { shareOfRate } from "./statistics.mjs";

const precisionTitles = { bfloat16: "bf16", float32: "fp32" };

/** Three figures at least: 1234.5 -> "1235 ms", 12.34 -> "12.3 ms", 0.00123 -> "1.23 µs". */
function unitOf(reference) {
  const [factor, unit] = reference < 0.1 ? [1000, "µs"] : [1, "ms"];
  const text = (value) => {
    const scaled = value * factor;
    return scaled >= 100 ? String(Math.round(scaled)) : scaled.toFixed(scaled >= 10 || factor === 1 ? 1 : 2);
  };
  return { text, unit };
}
const milliseconds = (value) => `${unitOf(value).text(value)} ${unitOf(value).unit}`;
function spreadOf({ median, p10, p90 }) {
  const { text, unit } = unitOf(median);
  return `${text(median)} ${unit} (${text(p10)}–${text(p90)})`;
}
const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;
const interval = ({ ratio, low, high }) => `${ratio.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;

/** Batch and precision are said of what runs a model. */
function caseTitle({ settings, precision }) {
  const { title, batch, imageSize } = settings;
  return imageSize === undefined ? title : `${title}, batch ${batch}, ${precisionTitles[precision]}`;
}

/** "5.33 images/s"; nothing of what has no rate. */
function rate({ per, batch, unit = "images" }, { median }) {
  if (per !== undefined || unit === "starts") return "";
  return ` ${((batch * 1000) / median).toPrecision(3)} ${unit}/s,`;
}

/** The peer that took least: the one that counts. */
const bestOf = ({ sides: [, ...others] }) => others.reduce((best, side) => (side.median < best.median ? side : best));

/** "81 % of the rate of matrix products (410 GFLOP/s); the best peer 62 %" */
function productLine(result) {
  const [ours, best] = [result.sides[0], bestOf(result)].map((side) => shareText(result, side));
  return `  ${ours} of the rate of matrix products (${gigaflops(result.products.rate)}); the best peer ${best}`;
}

/** A result for the terminal. */
export function resultLines(result) {
  const { settings, sides, ratios, check, gradientNorm, products, failed = [] } = result;
  const title = (name) => ratios.find(({ peer }) => peer === name)?.title ?? "Lacuna";
  const wide = Math.max(...sides.map(({ name }) => title(name).length));
  const line = (side) =>
    `  ${title(side.name).padEnd(wide)}  ${spreadOf(side)},${rate(settings, side)} peak ${megabytes(side.peakBytes)}`;
  const ratioLine = (one) => {
    const mark = one.peer === bestOf(result).name && ratios.length > 1 ? ", the best peer" : "";
    return `  ${interval(one)} × ${one.title} (95 % interval${mark}), ${one.memory.toFixed(2)} × its peak memory`;
  };
  const differences = Object.entries(check).map(([what, { difference }]) => `${difference.toExponential(1)} (${what})`);
  const norm =
    gradientNorm && `  the gradient norm that a run logs adds ${milliseconds(gradientNorm.milliseconds)} a step`;
  return [
    `${caseTitle(result)} · ${result.threads} threads · ${result.pairs} pairs · load before ${result.loadBefore}`,
    ...sides.map(line),
    ...ratios.map(ratioLine),
    ...failed.map(({ name, why }) => `  ${name} failed: ${why.split("\n")[0]}`),
    `  the same on all sides: differences up to ${differences.join(", ")}`,
    ...(norm ? [norm] : []),
    ...(products ? [productLine(result)] : []),
  ];
}

const percent = (share) => `${(100 * share).toFixed(0)} %`;
const gigaflops = (rate) => `${Math.round(rate / 1e9)} GFLOP/s`;

/** A result's side as its share of the machine's product rate; a dash where that was not measured. */
const shareText = ({ products }, { median }) => (products ? percent(shareOfRate(products, median)) : "–");

const summaryHeader = ["what", "best peer", "speed, × the best (95 %)", "share of the matrix rate", "the best peer's"];

/** One row a case: the peer that counts. */
function summaryRow(result) {
  const best = bestOf(result);
  const ratio = result.ratios.find(({ peer }) => peer === best.name);
  const shares = [shareText(result, result.sides[0]), shareText(result, best)];
  return [caseTitle(result), ratio.title, interval(ratio), ...shares];
}

/** The rates that the shares are of, by precision: libtorch's products on the machine that the steps were timed on. */
function rateLines(results) {
  const rates = results.flatMap(({ products, precision }) => (products ? [[precision, products.rate]] : []));
  if (rates.length === 0) return [];
  const texts = [...new Set(rates.map(([precision]) => precision))].map((precision) => {
    const measured = rates.flatMap(([of, rate]) => (of === precision ? [rate] : [])).sort((a, b) => a - b);
    const [low, high] = [measured[0], measured.at(-1)].map(gigaflops);
    return `${precisionTitles[precision]} ${low === high ? low : `${low} to ${high}`}`;
  });
  return ["", `Measured matrix rate: ${texts.join(", ")}.`];
}

const header = ["what", "Lacuna", "peer", "speed, × peer (95 %)", "peak memory", "× peer's"];

/** A row for each peer, the best one's speed in bold. */
function rows(result) {
  const [ours, ...others] = result.sides;
  const best = bestOf(result);
  return others.map((theirs) => {
    const ratio = result.ratios.find(({ peer }) => peer === theirs.name);
    return [
      caseTitle(result),
      spreadOf(ours),
      `${ratio.title}: ${spreadOf(theirs)}`,
      theirs === best ? `**${interval(ratio)}**` : interval(ratio),
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

/** Peers that could not be started, and why: none is left out in silence. */
function failures({ results }) {
  const lines = results.flatMap((result) =>
    (result.failed ?? []).map(
      ({ name, why }) => `- ${caseTitle(result)}: ${name} could not run: ${why.split("\n")[0]}`,
    ),
  );
  return lines.length === 0 ? [] : ["", ...lines];
}

/** Each machine and set of versions once, with the range of what its results have of their own. */
function conditions(results) {
  return [...grouped(results)].map(([text, members]) => {
    const loads = members.map(({ loadBefore }) => loadBefore);
    const pairs = [...new Set(members.map((member) => member.pairs))].sort((a, b) => a - b);
    const [low, high] = [Math.min(...loads), Math.max(...loads)];
    return `Measured on: ${text}; load before ${low === high ? low : `${low} to ${high}`}; ${pairs.join(" or ")} pairs.`;
  });
}

function grouped(results) {
  const groups = new Map();
  for (const result of results) groups.set(about(result), [...(groups.get(about(result)) ?? []), result]);
  return groups;
}

function about({ machine, sides, at, commit, node, environment, threads }) {
  const version = ({ name, version }) =>
    /^\d/.test(version) ? `${name === "lacuna" ? "libtorch" : "PyTorch"} ${version}` : version;
  const versions = [...new Set(sides.map(version))].filter((text) => text !== "");
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const own = settings.length > 0 ? `; ${settings.join(" ")}` : "";
  return `${machine.cpu}, ${threads} threads, ${Math.round(machine.memoryBytes / 1e9)} GB, Linux ${machine.linux}; ${[`Node ${node}`, ...versions].join(", ")}${own}; ${at.slice(0, 10)}, commit ${commit?.slice(0, 12) ?? "none"}`;
}

/** Results in the order of the cases; what is no longer a case comes first. */
function inOrder(results) {
  const place = ({ settings }) => cases.findIndex(({ name }) => name === settings.name);
  return [...results].sort((a, b) => place(a) - place(b));
}

const lines = (names, body) => [names, names.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`);

/** What another processor measured, below the page: its summary, all its peers, and where that was. */
function section({ record, source }) {
  const results = inOrder(record.results);
  return [
    "",
    `## ${results[0].machine.cpu}`,
    "",
    `From ${source}.`,
    "",
    ...lines(summaryHeader, results.map(summaryRow)),
    ...rateLines(results),
    "",
    ...lines(header, results.flatMap(rows)),
    ...failures({ results }),
    "",
    ...conditions(results),
  ];
}

/**
 * The page of a record. @param {string} source the record's folder as the page shall name it
 * @param others records of other processors with their sources
 */
export function page(record, source, others = []) {
  const results = inOrder(record.results);
  return `${[
    "# Speed",
    "",
    `<!-- Made by bench/table.mjs from ${source}; change nothing here. -->`,
    "",
    "`npm run bench` repeats this: both sides get the same weights, images and masks and are checked to compute the same; they work",
    "in turn in one run, so that only one computes; medians with the 10th to 90th percentile. A training step is forward, backward",
    "and fused AdamW. Speed is the ratio of medians with a bootstrap 95 % interval: above 1, Lacuna is faster.",
    "",
    "Of all peers of a case the fastest counts, whichever way of running PyTorch that is:",
    "",
    ...lines(summaryHeader, results.map(summaryRow)),
    "",
    "The share of the matrix rate is the time that the step's matrix products would take at the rate of one large product (2048 ×",
    "2048 × 2048, libtorch's, in the case's precision, on the same machine after the pairs), over the time that the step takes. A",
    "step's products are those of its forward pass, and twice as many where gradients flow; – where it was not measured, or where the",
    "case is of something else.",
    ...rateLines(results),
    "",
    "## All peers",
    "",
    "The best one's speed is in bold. Peak memory is the process's largest resident size (VmHWM), libraries included.",
    "",
    ...lines(header, results.flatMap(rows)),
    ...failures({ results }),
    ...memoryLines(record),
    "",
    ...conditions(results),
    ...others.flatMap(section),
  ].join("\n")}\n`;
}

/** docs/speed.md: the newest record, and below it what was measured last of each case on other processors. */
export function speedPage(newest = newestRecord()) {
  const named = (folder) => relative(root, folder);
  const others = otherRecords().map((folders) => ({
    record: joinedRecords(folders),
    source: folders.map(named).join(" and "),
  }));
  return page(readRecord(newest), named(newest), others);
}

/** Writes docs/speed.md and the page of a record. @returns their paths */
export function writeTables(folder = newestRecord()) {
  if (folder === undefined) throw new BenchError("There is no record yet.", "Run: npm run bench -- --record");
  const texts = { [join(folder, "README.md")]: page(readRecord(folder), relative(root, folder)) };
  if (newestRecord() !== undefined) texts[join(root, "docs", "speed.md")] = speedPage();
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return Object.keys(texts).map((path) => relative(root, path));
}

if (process.argv[1] === import.meta.filename) {
  for (const path of writeTables(process.argv[2])) process.stdout.write(`${path}\n`);
}
