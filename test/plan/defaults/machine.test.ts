import { expect, test } from "vitest";
import { machineFacts } from "../../../src/plan/defaults/machine.js";

test("this machine has cores and memory; the CPU is used where it is asked for", () => {
  const facts = machineFacts("cpu");
  expect(facts.device).toBe("cpu");
  expect(facts.cores).toBeGreaterThan(0);
  expect(facts.memoryBytes).toBeGreaterThan(1e8);
});
