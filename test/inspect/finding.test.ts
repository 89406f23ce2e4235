import { expect, test } from "vitest";
import { lastProbe, percent, show } from "../../src/inspect/finding.js";
import type { RunEvent } from "../../src/runs/schema.js";

test("numbers in three digits, and the last probe from a step on", () => {
  expect([show(0.12345), show(1234.5), percent(0.0421)]).toEqual(["0.123", "1230", "4.21 %"]);
  const probes = [1, 5].map((step): RunEvent => ({ type: "probe", step, name: "knn", value: step / 10 }));
  expect([lastProbe(probes, "knn", 5), lastProbe(probes, "knn", 6), lastProbe(probes, "other", 0)]).toEqual([
    0.5,
    undefined,
    undefined,
  ]);
});
