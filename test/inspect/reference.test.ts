import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  compareWith,
  loadReferences,
  nearestReference,
  type Reference,
  settingsOf,
  traitsOf,
} from "../../src/inspect/reference.js";
import { verdict } from "../../src/inspect/verdict.js";
import { type OpenedRun, openRun } from "../../src/runs/reader.js";
import type { RunEvent } from "../../src/runs/schema.js";

const recorded = (seed: number): OpenedRun =>
  openRun(fileURLToPath(new URL(`../../records/2026-11-22-mae-cifar10/seed-${seed}`, import.meta.url)));
const references = loadReferences();
const { run, events } = recorded(0);
const changed = (part: string, change: object): Pick<OpenedRun["run"], "config" | "derived" | "data"> => ({
  ...run,
  config: { ...run.config, [part]: { ...(run.config[part] as object), ...change } },
});

test("no reference is near a run of another method, or of a model without patches", () => {
  const { patchSize, ...model } = run.config["model"] as { patchSize: number };
  const other = { ...run, config: { ...run.config, model, method: { name: "mocoV3" } } };
  expect(patchSize).toBe(4);
  expect(traitsOf(other)?.patchSize).toBe(0);
  expect(nearestReference(references, other)).toBeUndefined();
});

describe("the reference that ships with the recipe", () => {
  test("holds the means of the recorded runs", () => {
    const [reference] = references as [Reference];
    const losses = [0, 1, 2].map((seed) => recorded(seed).events.flatMap((e) => (e.type === "step" ? [e.loss] : [])));
    const means = losses.map((loss) => loss.slice(275, 300).reduce((a, b) => a + b, 0) / 25);
    const [, low, mean, high] = reference.curves["loss"]?.find(([step]) => step === 300) ?? [];
    const expected = [Math.min(...means), means.reduce((a, b) => a + b, 0) / 3, Math.max(...means)];
    for (const [i, value] of [low, mean, high].entries()) expect(value).toBeCloseTo(expected[i] as number, 4);
    expect(reference.traits).toEqual(traitsOf(run));
    expect(settingsOf(run)).toMatchObject(reference.settings);
  });

  test.each([0, 1, 2])("recorded seed %i is the same configuration and normal, at every moment", (seed) => {
    const one = recorded(seed);
    for (let length = 150; length <= one.events.length; length += 25) {
      const result = verdict(one.events.slice(0, length), one.run, references);
      expect(result.status).toBe("normal");
      expect(result.comparison).toMatchObject({ name: "mae-cifar10-reference", nearness: "same", off: [] });
    }
  });
});

test("nearness: other batches are near and said, other targets and data are not compared", () => {
  const smaller = { ...run, derived: { ...run.derived, effectiveBatch: 128 } };
  expect(compareWith(references, events, smaller)).toMatchObject({
    nearness: "near",
    differences: ["batch 128 instead of 256"],
  });
  const decoder = changed("method", { decoder: { width: 96, depth: 4, heads: 3, mlpRatio: 4 } });
  expect(nearestReference(references, decoder)?.differences).toEqual(["method.decoder.depth 4 instead of 2"]);
  for (const other of [
    changed("method", { normalizeTargets: false }),
    changed("method", { target: "pca" }),
    changed("method", { name: "emae" }),
    changed("data", { source: { kind: "folder", path: "x" } }),
    changed("model", { patchSize: 16 }),
    { derived: {} },
  ])
    expect(nearestReference(references, other)).toBeUndefined();
});

test("a run of the same configuration that learns otherwise is told so, a near one is not", () => {
  const worse = events.map(
    (event): RunEvent =>
      event.type === "step" ? { ...event, loss: event.loss * (event.step > 120 ? 1.1 : 1) } : event,
  );
  const result = verdict(worse, run, references);
  expect(result).toMatchObject({ status: "off-reference", comparison: { nearness: "same" } });
  expect(result.headline).toMatch(/not as mae-cifar10-reference does .*: its loss is 1\d(\.\d)? % above/);
  const near = { ...run, derived: { ...run.derived, effectiveBatch: 128 } };
  expect(verdict(worse, near, references).status).toBe("normal");
  expect(verdict(worse, run).status).toBe("normal"); // without references, shape and baseline alone
});

test("probes are compared where bank, queries and k are the same", () => {
  const [first] = references as [Reference];
  const probe = { bank: 2000, queries: 1000, k: 20 };
  const reference = {
    ...first,
    probe,
    curves: {
      ...first.curves,
      knn: [
        [0, 0.2, 0.2, 0.2],
        [500, 0.4, 0.4, 0.4],
      ] as const,
      featureRank: [[500, 40, 40, 40]] as const,
    },
  };
  const probes = (step: number): RunEvent[] => [
    { type: "probe", step, name: "knn", value: 0.2 },
    { type: "probe", step, name: "featureRank", value: 10 },
  ];
  const all = [...events, ...probes(250)];
  const asked = changed("log", { probe });
  const found = compareWith([reference], all, asked);
  expect(found?.knn).toBeCloseTo(-0.1, 10);
  expect(found?.off).toEqual(["its features have 0.25 times the rank", "its k-NN accuracy is 10 points below"]);
  expect(compareWith([reference], all, changed("log", { probe: { ...probe, bank: 100 } }))?.off).toEqual([]);
});
