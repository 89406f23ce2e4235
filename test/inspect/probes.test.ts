import { expect, test } from "vitest";
import { belowUntrained } from "../../src/inspect/probes.js";
import { verdict } from "../../src/inspect/verdict.js";
import type { RunEvent } from "../../src/runs/schema.js";
import { stepEvent } from "../runs/example.js";

const run = { derived: { steps: 400, warmupSteps: 40, baseline: 0.98 }, config: { log: { probe: { queries: 1000 } } } };
const probe = (step: number, name: string, value: number): RunEvent => ({ type: "probe", step, name, value });
const steps = Array.from({ length: 400 }, (_, i) => stepEvent(i + 1, { loss: 0.5 + 0.5 * Math.exp(-i / 60) }));
const end: RunEvent = { type: "end", step: 400, reason: "finished", seconds: 1 };
const both = (knn: number, linear: number): RunEvent[] => [
  ...[probe(0, "knn", 0.3), probe(0, "linear", 0.4), probe(0, "featureRank", 24)],
  ...steps,
  ...[probe(400, "knn", knn), probe(400, "linear", linear), probe(400, "featureRank", 3), end],
];

test("features that classify worse than before training are a finding, whatever the loss does", () => {
  const result = verdict(both(0.2, 0.25), run);
  expect(result.status).toBe("below-untrained");
  expect(result.headline).toBe(
    "The features became worse than those of an untrained encoder: k-NN 20 %, before training 30 %; linear probe 25 %, before training 40 %; feature rank 3, before training 24.",
  );
  expect(result.evidence["knnGain"]).toBeCloseTo(-0.1, 10);
  const decayed = { ...run, config: { ...run.config, optim: { weightDecay: 30 } } };
  expect(verdict(both(0.2, 0.25), decayed)).toMatchObject({
    suspect: "weight-decay",
    causes: [expect.stringContaining("weight decay of 30") as unknown, expect.anything() as unknown, expect.anything()],
  });
});

test("what chance explains, and one probe that rose, are none", () => {
  expect(verdict(both(0.28, 0.38), run).status).toBe("normal");
  expect(verdict(both(0.2, 0.45), run).status).toBe("normal");
  const few = { ...run, config: { log: { probe: { queries: 50 } } } };
  expect(verdict(both(0.2, 0.25), few).status).toBe("normal");
  // Fewer pictures than were asked for: the event knows.
  const judged = both(0.2, 0.25).map((event) => (event.type === "probe" ? { ...event, pictures: 50 } : event));
  expect(verdict(judged, run).status).toBe("normal");
});

test("in the first half of a run nothing is said, for features may be worse before they are better", () => {
  const early = [probe(0, "knn", 0.4), probe(150, "knn", 0.2)];
  const setting = { ended: false, culprit: undefined };
  expect(belowUntrained(early, run, setting, {})).toBeUndefined();
  expect(belowUntrained([...early, probe(200, "knn", 0.2)], run, setting, {})?.status).toBe("below-untrained");
  expect(belowUntrained(early, run, { ...setting, ended: true }, {})?.status).toBe("below-untrained");
  const culprit = { suspect: "learning-rate", cause: "Too high." } as const;
  expect(belowUntrained(early, run, { ended: true, culprit }, {})).toMatchObject({ suspect: "learning-rate" });
  expect(belowUntrained([probe(200, "knn", 0.2)], run, setting, {})).toBeUndefined(); // nothing before training
});
