import { expect, test } from "vitest";
import { compareRuns, distinctNames } from "../../src/inspect/compare.js";
import type { OpenedRun } from "../../src/runs/reader.js";
import type { RunEvent } from "../../src/runs/schema.js";
import { exampleRun, startEvent, stepEvent } from "../runs/example.js";

function opened(folder: string, config: Record<string, unknown>, events: readonly RunEvent[] = []): OpenedRun {
  return { folder, run: exampleRun({ config }), events, state: "finished", tornBytes: 0, damagedLines: [] };
}

test("names are as short as they can be, and each another one", () => {
  expect(distinctNames(["runs/a", "runs/b/"])).toEqual(["a", "b"]);
  expect(distinctNames(["x/seed-0", "y/seed-0", "y/seed-1"])).toEqual(["x/seed-0", "y/seed-0", "y/seed-1"]);
  expect(distinctNames(["only"])).toEqual(["only"]);
});

test("what differs, and what came of each", () => {
  const probe = (step: number, value: number): RunEvent => ({ type: "probe", step, name: "knn", value });
  const first = opened("runs/a", { seed: 0, optim: { learningRate: 0.1 } }, [
    startEvent(),
    probe(0, 0.25),
    stepEvent(1, { loss: 2 }),
    { type: "heldOut", step: 1, epoch: 1, loss: 1.5, scores: { top1: 0.5 } },
    probe(1, 0.5),
    { type: "end", step: 1, reason: "finished", seconds: 1 },
  ]);
  const { runs, settings, isSameTask } = compareRuns([first, opened("runs/b", { seed: 0 })]);
  expect(settings).toEqual([{ name: "optim.learningRate", values: ["0.1", undefined] }]);
  expect(isSameTask).toBe(true);
  expect(runs.map(({ name }) => name)).toEqual(["a", "b"]);
  expect(runs[0]).toMatchObject({
    folder: "runs/a",
    summary: { steps: 1, smoothedLoss: 2, heldOutLoss: 1.5 },
    probes: [{ name: "knn", before: 0.25, last: 0.5, step: 1 }],
    scores: { top1: 0.5 },
    verdict: { status: "too-early" },
  });
  expect(runs[1]).toMatchObject({ summary: { steps: 0 }, probes: [], scores: {} });
});

test("losses of methods that are set differently may be of different tasks", () => {
  const ratio = (maskRatio: number) => opened(`runs/${maskRatio}`, { method: { name: "mae", maskRatio } });
  expect(compareRuns([ratio(0.5), ratio(0.75)]).isSameTask).toBe(false);
  expect(compareRuns([opened("a", { task: "finetune" }), opened("b", {})]).isSameTask).toBe(false);
});
