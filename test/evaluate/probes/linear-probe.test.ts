import { describe, expect, it } from "vitest";
import { liveTensors, scope } from "../../../src/engine/scope.js";
import { ConfigError } from "../../../src/errors.js";
import { linearProbe, sharedPenalty } from "../../../src/evaluate/probes/linear-probe.js";
import { cat, zeros } from "../../../src/tensor/creation.js";
import { labelled, numbers, reference, rows } from "../reference.js";

/** Two classes: clouds around (±3, 0), with a third dimension that never changes. */
function clouds(count: number, seed: number) {
  const noise = numbers(count * 2, seed);
  const labels = Array.from({ length: count }, (_, i) => i % 2);
  return labelled(
    labels.map((label, i) => [label * 6 - 3 + (noise[2 * i] as number), noise[2 * i + 1] as number, 0.1]),
    labels,
  );
}

describe("linearProbe", () => {
  it("agrees with scikit-learn on standardised features", () => {
    const live = liveTensors();
    scope(() => {
      const { l2, loss, accuracy, trainAccuracy } = reference.standardised;
      const [train, test] = [rows(0, 200), rows(200, 300)];
      const result = linearProbe(
        { ...train, features: train.features.float() },
        { ...test, features: test.features.float() },
        { l2: [l2] },
      );
      expect(Math.abs(result.loss - loss)).toBeLessThan(1e-4);
      expect(Math.abs(result.accuracy - accuracy)).toBeLessThanOrEqual(0.002);
      expect(Math.abs(result.trainAccuracy - trainAccuracy)).toBeLessThanOrEqual(0.002);
      expect(result).toMatchObject({ l2, choices: [], converged: true });
    });
    expect(liveTensors()).toBe(live);
  });

  it("chooses the penalty on rows of the training part, the same ones for the same seed", () => {
    scope(() => {
      const [train, test] = [rows(0, 200), rows(200, 300)];
      const result = linearProbe(train, test, { l2: [0.001, 10, 0.1] });
      expect(result.choices.map(({ l2 }) => l2)).toEqual([10, 0.1, 0.001]);
      const best = Math.max(...result.choices.map(({ accuracy }) => accuracy));
      expect(result.l2).toBe(result.choices.find(({ accuracy }) => accuracy === best)?.l2);
      for (const { accuracy } of result.choices)
        expect(Number.isInteger(Math.round(accuracy * 200 * 1e6) / 1e6)).toBe(true); // of 200 rows, each judged once
      expect(linearProbe(train, test, { l2: [0.001, 10, 0.1] })).toEqual(result);
      const others = { ...test, labels: test.labels.map((label) => (label + 1) % 3) };
      expect(linearProbe(train, others, { l2: [0.001, 10, 0.1] }).choices).toEqual(result.choices);
    });
  });

  it("judges penalties on one fifth where it is said, and where rows are many", () => {
    scope(() => {
      const [train, test] = [rows(0, 200), rows(200, 300)];
      for (const { accuracy } of linearProbe(train, test, { heldOut: 0.2 }).choices)
        expect(Number.isInteger(Math.round(accuracy * 40 * 1e6) / 1e6)).toBe(true);
      for (const { accuracy } of linearProbe(clouds(1005, 1), clouds(60, 2), { l2: [1, 0.1] }).choices)
        expect(Number.isInteger(Math.round(accuracy * 201 * 1e6) / 1e6)).toBe(true);
    });
  });

  it("widens its grid until the best penalty is inside, and says where it stands at an end of a given one", () => {
    scope(() => {
      // Two dimensions that are nearly the same: their small difference is the class, which only large weights can see.
      const hidden = (count: number, seed: number) => {
        const noise = numbers(count * 2, seed);
        const labels = Array.from({ length: count }, (_, i) => i % 2);
        const row = (label: number, i: number): number[] => {
          const [common, small] = [noise[2 * i] as number, noise[2 * i + 1] as number];
          return [common, common + 0.008 * (label - 0.5) + 0.002 * small];
        };
        return labelled(labels.map(row), labels);
      };
      const [train, test] = [hidden(400, 1), hidden(200, 2)];
      const given = linearProbe(train, test, { l2: [1, 0.1, 0.01, 0.001] });
      const found = linearProbe(train, test);
      expect(given).toMatchObject({ l2: 0.001, edge: "weakest" });
      expect(found.edge).toBeUndefined();
      expect(found.l2).toBeLessThan(2e-4);
      expect(found.choices.at(-1)?.l2).toBeLessThan(found.l2);
      expect(found.accuracy).toBeGreaterThan(given.accuracy + 0.02);
      expect(found.accuracy).toBeGreaterThan(0.93);
      expect(found.converged).toBe(true);
    });
  });

  it("tries stronger penalties where few rows have many dimensions of noise", () => {
    scope(() => {
      const noisy = (count: number, seed: number) => {
        const noise = numbers(count * 80, seed);
        const labels = Array.from({ length: count }, (_, i) => i % 2);
        return labelled(
          labels.map((label, i) =>
            Array.from({ length: 80 }, (_, d) => (noise[80 * i + d] as number) + (d < 40 ? 0.25 * (label - 0.5) : 0)),
          ),
          labels,
        );
      };
      const [train, test] = [noisy(60, 3), noisy(400, 4)];
      expect(linearProbe(train, test, { l2: [0.1, 0.001] })).toMatchObject({ l2: 0.1, edge: "strongest" });
      const found = linearProbe(train, test);
      expect(found.edge).toBeUndefined();
      const accuracies = found.choices.map(({ accuracy }) => accuracy);
      expect(accuracies[0]).toBeLessThanOrEqual(Math.max(...accuracies));
    });
  });

  it("separates two clouds whole, whatever scale and offset the dimensions have", () => {
    scope(() => {
      const [train, test] = [clouds(100, 1), clouds(60, 2)];
      expect(linearProbe(train, test)).toMatchObject({ accuracy: 1, trainAccuracy: 1 });
      const moved = (part: typeof train) => ({ ...part, features: part.features.mul(1e-4).add(5e-3) });
      expect(linearProbe(moved(train), moved(test)).accuracy).toBe(1);
      const shuffled = { ...train, labels: train.labels.map((_, i) => ((i * 7) % 11 < 5 ? 0 : 1)) };
      expect(Math.abs(linearProbe(shuffled, test).accuracy - 0.5)).toBeLessThan(0.2);
    });
  });

  it("gives a dimension that is constant in training no voice", () => {
    scope(() => {
      const [train, test] = [clouds(100, 1), clouds(60, 2)];
      const spoilt = { ...test, features: cat([test.features.slice(1, 0, 2), zeros([60, 1]).add(1e6)], 1) };
      expect(linearProbe(train, spoilt).accuracy).toBe(1);
    });
  });

  it("has a penalty for those who cannot choose: more of it for fewer rows and more dimensions, one at most", () => {
    expect(sharedPenalty(2000, 192)).toBeCloseTo(0.00192, 10);
    expect(sharedPenalty(300, 768)).toBeCloseTo(0.0512, 10);
    expect(sharedPenalty(1, 192)).toBe(1);
  });

  it("refuses what makes no choice", () => {
    scope(() => {
      const part = clouds(10, 1);
      expect(() => linearProbe(part, part, { l2: [] })).toThrow(
        "in l2: expected positive penalties, at least one, got [].",
      );
      expect(() => linearProbe(part, part, { l2: [0] })).toThrow(ConfigError);
      expect(() => linearProbe(part, part, { heldOut: 1 })).toThrow(
        "in heldOut: expected a share between 0 and 1, got 1.",
      );
      expect(() => linearProbe({ ...part, labels: part.labels.slice(1) }, part)).toThrow(
        "in train: expected one label",
      );
    });
  });
});
