import { expect, test } from "vitest";
import {
  featureRows,
  featuresTitle,
  numbered,
  resultRows,
  settingGroups,
  settingRows,
  settingsTitle,
  tail,
  taskNote,
} from "../../../src/cli/training/comparison.js";
import { summarize } from "../../../src/index.js";
import type { ComparedRun, RunComparison } from "../../../src/public/runs.js";

const verdict = { status: "normal", headline: "The run learns.", causes: [], evidence: {} } as const;

function compared(name: string, change: Partial<ComparedRun> = {}): ComparedRun {
  const summary = { ...summarize([]), steps: 1200, smoothedLoss: 0.51234, trainingSeconds: 600 };
  return { name, folder: name, id: name, state: "finished", summary, probes: [], scores: {}, verdict, ...change };
}

const knn = { name: "knn", before: 0.25, best: 0.4, last: 0.375, step: 9 };

test("results: what was not measured is an empty cell", () => {
  expect(resultRows([compared("a")])).toEqual([
    ["run", "steps", "loss", "held-out loss", "time", "verdict"],
    ["a", "1,200", "0.5123", "", "10 min", "normal"],
  ]);
});

test("features: before and last, a unit once; a value before training is no result", () => {
  const early = compared("b", { probes: [{ ...knn, best: undefined, last: 0.25, step: 0 }] });
  const late = compared("c", { probes: [{ ...knn, before: undefined }], scores: { top1: 0.5 } });
  const runs = [compared("a", { probes: [knn] }), early, late];
  expect(featureRows(runs)).toEqual([
    ["run", "k-NN", "top-1"],
    ["a", "25.0 → 37.5 %", ""],
    ["b", "25.0 % → ?", ""],
    ["c", "? → 37.5 %", "50.0 %"],
  ]);
  expect(featuresTitle(runs)).toBe("Features, before training → last; accuracy on held-out pictures");
  expect(featuresTitle([compared("d", { scores: { top1: 1 } })])).toBe("Accuracy on held-out pictures");
  expect(featureRows([compared("a")])).toEqual([]);
});

test("settings: a column a run, or the runs of each value by their numbers", () => {
  const names = ["a", "b", "c", "d", "e"];
  const comparison: RunComparison = {
    runs: names.map((name) => compared(name)),
    settings: [{ name: "seed", values: ["0", "1", "1", "1", undefined] }],
    isSameTask: true,
  };
  expect(settingRows(comparison)).toEqual([
    ["setting", ...names],
    ["seed", "0", "1", "1", "1", "—"],
  ]);
  expect(settingGroups(comparison)).toEqual([["seed", "0: 1; 1: 2–4; —: 5"]]);
  expect(settingsTitle(comparison)).toBe("Their configurations differ in one setting:");
  expect(settingsTitle({ ...comparison, settings: [] })).toBe("Their configurations are the same.");
  expect(taskNote(comparison)).toBeUndefined();
  expect(taskNote({ ...comparison, isSameTask: false })).toContain("losses may measure different tasks");
});

test("rows with their numbers; the end of a long text", () => {
  expect(numbered([["run"], ["a"], ["b"]])).toEqual([
    ["#", "run"],
    ["1", "a"],
    ["2", "b"],
  ]);
  expect(tail("abcdef", 4)).toBe("…def");
  expect(tail("abcd", 4)).toBe("abcd");
});
