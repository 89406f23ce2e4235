import { expect, test } from "vitest";
import type { RunEvent } from "../../../src/runs/schema.js";
import { Logged } from "../../../src/train/loop/logged.js";

const bad = (path: string, step: number): RunEvent => ({
  type: "badFile",
  step,
  sample: 1,
  path,
  code: "c",
  reason: "r",
});
const probe = (name: string, step = 0): RunEvent => ({ type: "probe", step, name, value: 0.5 });
const input: RunEvent = {
  type: "input",
  step: 0,
  pictures: 1,
  mean: [0],
  std: [1],
  flatPictures: 0,
  flatPatches: 0,
  seam: 1,
};

test("what the log has of the step is known again, what it has of others is not", () => {
  const logged = new Logged([bad("a.png", 4), bad("b.png", 5), probe("knn", 5)], 5);
  expect(logged.has(bad("b.png", 5))).toBe(true);
  expect(logged.has(bad("a.png", 5))).toBe(false);
  expect(logged.has(bad("b.png", 6))).toBe(false);
  expect(logged.has(probe("knn", 5))).toBe(true);
  expect(logged.has({ type: "start", time: "t", step: 5, pid: 1 })).toBe(false);
  expect(logged.has({ type: "end", step: 5, reason: "interrupted", seconds: 1 })).toBe(false);
});

test("probes are whole once the first batch was looked at", () => {
  expect(new Logged([], 0).isProbed).toBe(false);
  expect(new Logged([probe("knn")], 0).isProbed).toBe(false); // killed between two probes
  expect(new Logged([probe("knn"), probe("linear"), input], 0).isProbed).toBe(true);
  expect(new Logged([input], 0).isProbed).toBe(false); // a run without probes that was given some
});
