import { describe, expect, test } from "vitest";
import { endingOf } from "../../src/inspect/ending.js";
import { verdict } from "../../src/inspect/verdict.js";
import type { RunEvent } from "../../src/runs/schema.js";
import { startEvent, stepEvent } from "../runs/example.js";

const run = { derived: { steps: 900, warmupSteps: 20, baseline: 0.98 } };
const steps = (count: number): RunEvent[] => [
  startEvent(),
  ...Array.from({ length: count }, (_, i) => stepEvent(i + 1, { loss: 0.5 + 0.5 * Math.exp(-i / 60) })),
];
const end = (step: number, reason: "finished" | "interrupted" | "failed", message?: string): RunEvent => ({
  type: "end",
  step,
  reason,
  seconds: 1,
  ...(message === undefined ? {} : { message }),
});

describe.each([40, 400])("a run of %i steps that looks well", (count) => {
  test.each([
    [
      "failed",
      "Error: the disk is full.\nMore.",
      "failed",
      `The run failed at step ${count} of 900: Error: the disk is full.`,
    ],
    ["failed", undefined, "failed", `The run failed at step ${count} of 900.`],
    ["interrupted", undefined, "stopped", `The run was stopped at step ${count} of 900.`],
  ] as const)("%s (%s)", (reason, message, status, headline) => {
    const result = verdict([...steps(count), end(count, reason, message)], run);
    expect(result).toMatchObject({ status, headline });
    expect(result.causes[0]).toContain("lacuna resume <run>");
    expect(result.causes.length).toBe(count === 40 ? 1 : 2); // what was learned until then is told, where it can be
  });

  test("killed, which its events do not say", () => {
    expect(verdict(steps(count), { ...run, state: "killed" })).toMatchObject({
      status: "stopped",
      headline: `The run was killed at step ${count} of 900.`,
    });
    expect(verdict(steps(count), { ...run, state: "running" }).status).toMatch(/normal|too-early/);
    expect(verdict([...steps(count), end(count, "failed"), startEvent(count)], run).status).toMatch(/normal|too-early/);
  });
});

test("a NaN ended it: nothing was logged of that step but the error", () => {
  const message = "the loss is not finite at step 40: blocks.2 gives NaN.\n  expected finite numbers";
  const result = verdict([...steps(40), end(40, "failed", message)], run);
  expect(result.status).toBe("diverged");
  expect(result.headline).toBe(
    "The run failed at step 40 of 900: the loss is not finite at step 40: blocks.2 gives NaN. The run diverged: at step 40 the loss was no longer a number.",
  );
  expect(result.causes[0]).toContain("The learning rate");
  expect(result.causes.at(-1)).toContain("lacuna resume");
});

test("what ended by itself has no ending to tell", () => {
  expect(endingOf([...steps(9), end(9, "finished")], 9, "finished")).toBeUndefined();
  expect(verdict([...steps(40), end(40, "finished")], run).headline).toContain("finished, and too short to judge");
  expect(endingOf([], undefined, "killed")).toEqual({ kind: "killed", place: "at step 0", message: "" });
});
