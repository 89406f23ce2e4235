import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cases, learningRate } from "../../bench/cases/index.mjs";
import { kinds } from "../../bench/cases/kinds.mjs";
import {
  joinedRecords,
  merge,
  newestRecord,
  otherRecords,
  readRecord,
  recordFolder,
  root,
  writeRecord,
} from "../../bench/record.mjs";
import { page, resultLines, speedPage } from "../../bench/table.mjs";

const side = (name, median, peakBytes) => ({
  name,
  version: "2.15.0",
  milliseconds: [median],
  median,
  p10: median - 10,
  p90: median + 20.4,
  lastLoss: 1,
  peakBytes,
});

const result = {
  at: "2026-01-02T03:04:05.000Z",
  commit: "0123456789abcdef",
  node: "20.20.2",
  threads: 2,
  pairs: 15,
  warmup: 3,
  loadBefore: 0.1,
  machine: { cpu: "Some CPU", cores: 2, memoryBytes: 16e9, linux: "6.1" },
  environment: { OMP_WAIT_POLICY: "PASSIVE" },
  settings: cases[0],
  precision: "bfloat16",
  sides: [side("lacuna", 3000, 2.5e9), side("eager", 3600, 3.125e9)],
  ratios: [{ peer: "eager", title: "PyTorch eager", ratio: 1.2, low: 1.15, high: 1.254, memory: 0.8 }],
  check: { float32: { difference: 0 }, bfloat16: { difference: 1e-4 }, trained: { difference: 2e-4 } },
  gradientNorm: { milliseconds: 12.34, stepMilliseconds: 3010 },
};

describe("page", () => {
  const text = page({ results: [result] }, "records/2026-01-02-bench");

  test("has a row for each peer of each case", () => {
    expect(text).toContain(
      "| MAE step, ViT-B/16, 224 px, batch 16, bf16 | 3000 ms (2990–3020) | PyTorch eager: 3600 ms (3590–3620) | **1.20 (1.15–1.25)** | 2500 MB · 3125 MB | 0.80 |",
    );
  });

  test("says where its numbers are from and under what conditions they were measured", () => {
    expect(text).toContain("Made by bench/table.mjs from records/2026-01-02-bench");
    for (const words of ["Some CPU, 2 threads", "load before 0.1", "OMP_WAIT_POLICY=PASSIVE", "commit 0123456789ab"])
      expect(text).toContain(words);
  });

  test("the best peer's ratio is in bold, and peers that failed are named", () => {
    const compiled = { peer: "compiled", title: "torch.compile", ratio: 1.1, low: 1.05, high: 1.15, memory: 0.7 };
    const more = {
      ...result,
      sides: [...result.sides, side("compiled", 3300, 3.5e9)],
      ratios: [...result.ratios, compiled],
      failed: [{ name: "huggingface", why: "no such model\nsecond line" }],
    };
    const lines = page({ results: [more] }, "x").split("\n");
    expect(lines.filter((line) => line.includes("**")).map((line) => line.split(" | ")[2])).toEqual([
      "torch.compile: 3300 ms (3290–3320)",
    ]);
    expect(lines).toContain("- MAE step, ViT-B/16, 224 px, batch 16, bf16: huggingface could not run: no such model");
    expect(resultLines(more).join("\n")).toContain("× torch.compile (95 % interval, the best peer)");
  });

  test("a summary has one row a case: the best peer, and both sides' shares of the matrix rate", () => {
    expect(text).toContain("| MAE step, ViT-B/16, 224 px, batch 16, bf16 | PyTorch eager | 1.20 (1.15–1.25) | – | – |");
    expect(text).not.toContain("Measured matrix rate");
    const products = { operations: 1.08e12, rate: 400e9 };
    const other = { ...result, settings: cases[1], products: { operations: 9e11, rate: 500e9 } };
    const rated = page({ results: [{ ...result, products }, other] }, "x");
    expect(rated).toContain(
      "| MAE step, ViT-B/16, 224 px, batch 16, bf16 | PyTorch eager | 1.20 (1.15–1.25) | 90 % | 75 % |",
    );
    expect(rated).toContain("Measured matrix rate: bf16 400 GFLOP/s to 500 GFLOP/s.");
    expect(resultLines({ ...result, products }).at(-1)).toBe(
      "  90 % of the rate of matrix products (400 GFLOP/s); the best peer 75 %",
    );
  });

  test("cases without a model have no batch or precision, and small times are in microseconds", () => {
    const settings = cases.find(({ name }) => name === "door-add");
    const small = (name, median) => ({ ...side(name, median, 2e8), p10: 0.00123, p90: 0.0456 });
    const sides = [small("lacuna", 0.0021), small("python", 0.0042)];
    const ratios = [{ peer: "python", title: "Python", ratio: 2, low: 1.9, high: 2.1, memory: 1 }];
    const text = page({ results: [{ ...result, settings, precision: "float32", sides, ratios }] }, "x");
    expect(text).toContain(`| ${settings.title} | 2.10 µs (1.23–45.6) | Python: 4.20 µs (1.23–45.6) |`);
  });

  test("results stand in the order of the cases, conditions once with the range of the loads", () => {
    const last = { ...result, settings: cases.at(-1), loadBefore: 0.4 };
    const text = page({ results: [last, result] }, "x");
    expect(text.indexOf(cases[0].title)).toBeLessThan(text.indexOf(cases.at(-1).title));
    expect(text.match(/Measured on/g)).toHaveLength(1);
    expect(text).toContain("load before 0.1 to 0.4; 15 pairs");
  });

  test("says how memory grew where that was measured", () => {
    const at = (step, resident) => ({ step, resident, asFound: resident + 5e6, tensors: 195 });
    const memory = { settings: "a small model", steps: 500, first: at(100, 400e6), last: at(500, 402e6) };
    expect(page({ results: [result], memory }, "x")).toMatch(
      /400 MB resident after\nstep 100, 402 MB .* \(0\.50 %; before collecting 405 MB and 407 MB\)/,
    );
    expect(text).not.toContain("resident after");
  });
});

test("a result for the terminal has the rate in images", () => {
  const lines = resultLines(result);
  expect(lines[1]).toContain("3000 ms (2990–3020), 5.33 images/s, peak 2500 MB");
  expect(lines[3]).toBe("  1.20 (1.15–1.25) × PyTorch eager (95 % interval), 0.80 × its peak memory");
});

test("the learning rate is base × batch / 256", () => {
  expect(learningRate({ baseLearningRate: 1.5e-4, batch: 16 })).toBeCloseTo(9.375e-6, 15);
});

test("cases have names of their own, a kind, and a peer", () => {
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  for (const one of cases) {
    const { name, kind, precisions } = one;
    expect(Object.keys(kinds[kind].peers), name).not.toHaveLength(0);
    for (const precision of precisions) expect(kinds[kind].checks(precision, one), name).not.toHaveLength(0);
  }
});

describe("record", () => {
  let records;
  beforeEach(() => {
    records = mkdtempSync(join(tmpdir(), "lacuna-records-"));
  });
  afterEach(() => rmSync(records, { recursive: true }));

  test("a newer result replaces the one of the same case and precision only", () => {
    const folder = recordFolder(new Date("2026-01-02"), records);
    const add = (one) => writeRecord((record) => ({ ...record, results: merge(record.results, one) }), folder);
    add(result);
    add({ ...result, precision: "float32" });
    add({ ...result, threads: 4 });
    expect(readRecord(folder).results.map(({ precision, threads }) => [precision, threads])).toEqual([
      ["float32", 2],
      ["bfloat16", 4],
    ]);
  });

  test("the newest is found by its date", () => {
    expect(newestRecord(records)).toBeUndefined();
    for (const day of ["2026-02-01", "2026-11-01", "2026-03-01"])
      writeRecord((record) => record, recordFolder(new Date(day), records));
    expect(newestRecord(records)).toBe(join(records, "2026-11-01-bench"));
  });

  test("of several records the newest result of each case counts", () => {
    const folders = ["2026-02-01", "2026-11-01"].map((day) => recordFolder(new Date(day), records, "zen-9"));
    const kept = (results) => (record) => ({ ...record, results });
    writeRecord(kept([result, { ...result, precision: "float32" }]), folders[0]);
    writeRecord(kept([{ ...result, pairs: 3 }]), folders[1]);
    expect(joinedRecords(folders).results.map(({ precision, pairs }) => [precision, pairs])).toEqual([
      ["float32", 15],
      ["bfloat16", 3],
    ]);
  });

  test("those of every other processor stand below the page with their own machine", () => {
    for (const [day, name] of [
      ["2026-02-01", "zen-9"],
      ["2026-11-01", "zen-9"],
      ["2026-03-01", "atom"],
      ["2026-12-01", ""],
    ])
      writeRecord((record) => ({ ...record, results: [result] }), recordFolder(new Date(day), records, name));
    const others = otherRecords(records);
    expect(others).toEqual([
      [join(records, "2026-03-01-bench-atom")],
      [join(records, "2026-02-01-bench-zen-9"), join(records, "2026-11-01-bench-zen-9")],
    ]);
    expect(newestRecord(records)).toBe(join(records, "2026-12-01-bench"));
    const machine = { ...result.machine, cpu: "Zen 9" };
    const text = page({ results: [result] }, "main", [
      { record: { results: [{ ...result, machine }] }, source: "other" },
    ]);
    expect(text.startsWith(page({ results: [result] }, "main").trimEnd())).toBe(true);
    expect(text).toMatch(/## Zen 9\n\nFrom other\.\n\n\| what \| best peer[\s\S]*Measured on: Zen 9/);
  });

  test("one of another format is refused", () => {
    const folder = writeRecord((record) => ({ ...record, formatVersion: 99 }), join(records, "2026-01-01-bench"));
    expect(() => readRecord(folder)).toThrow("has format 99");
  });
});

test.skipIf(newestRecord() === undefined)("docs/speed.md is what the newest record says", () => {
  expect(readFileSync(join(root, "docs", "speed.md"), "utf8")).toBe(speedPage());
});
