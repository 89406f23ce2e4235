import { describe, expect, it } from "vitest";
import { liveTensors, scope } from "../../../src/engine/scope.js";
import { knn } from "../../../src/evaluate/probes/knn.js";
import { nearestNeighbours } from "../../../src/evaluate/probes/neighbours.js";
import { labelled, numbers, rows } from "../reference.js";

// Worked out from DINO's eval_knn.py: similarities .69710 .77197 .71702 .84190 −.69710.
const bank = () =>
  labelled(
    [
      [1, 0],
      [0.9, 0.1],
      [0, 1],
      [0.2, 0.98],
      [-1, 0],
    ],
    [0, 0, 1, 1, 2],
  );
const query = (label: number) => labelled([[0.7, 0.72]], [label]);

describe("knn", () => {
  it("weighs votes by exp(cosine / temperature)", () => {
    const live = liveTensors();
    scope(() => {
      const results = knn(bank(), query(1), { k: [3, 5, 1] });
      expect(results.map(({ k, accuracy }) => [k, accuracy])).toEqual([
        [3, 1],
        [5, 1],
        [1, 1],
      ]);
      expect(knn(bank(), query(0), { k: [3] })[0]).toMatchObject({ accuracy: 0, predictions: Int32Array.of(1) });
      const { similarities } = nearestNeighbours(query(1).features, bank().features, 5);
      for (const [i, value] of [0.8419, 0.77197, 0.71702, 0.6971, -0.6971].entries())
        expect(similarities[i]).toBeCloseTo(value, 4);
    });
    expect(liveTensors()).toBe(live);
  });

  it("is a plain majority at a high temperature and the nearest alone at a low one", () => {
    scope(() => {
      // Of the four nearest (classes 1 0 1 0) class 1 has the larger cosines; one more of class 0 turns a plain majority.
      const more = labelled(
        [
          [1, 0],
          [0.9, 0.1],
          [1, 0.1],
          [0.2, 0.98],
        ],
        [0, 0, 0, 1],
      );
      expect(knn(more, query(1), { k: [4], temperature: 1e6 })[0]?.predictions[0]).toBe(0);
      expect(knn(more, query(1), { k: [4], temperature: 1e-3 })[0]?.predictions[0]).toBe(1);
    });
  });

  it("gives a tie of votes to the lower class", () => {
    scope(() => {
      const tied = labelled(
        [
          [0, 1],
          [0, 1],
          [1, 0],
        ],
        [2, 1, 0],
      );
      expect(knn(tied, labelled([[0, 3]], [1]), { k: [2] })[0]?.predictions[0]).toBe(1);
    });
  });

  it("finds every row of its own bank with one neighbour", () => {
    scope(() => {
      const own = rows(0, 300);
      expect(knn(own, own, { k: [1] })[0]?.accuracy).toBe(1);
    });
  });

  it("does not depend on scale, order of the bank or tiles", () => {
    scope(() => {
      const [train, test] = [rows(0, 200), rows(200, 300)];
      const plain = knn(train, test, { k: [5, 20] });
      expect(knn(train, test, { k: [5, 20], tiling: { queries: 9, bank: 17 } })).toEqual(plain);
      const scaled = { ...train, features: train.features.mul(8) };
      expect(knn(scaled, test, { k: [5, 20] })).toEqual(plain);
      const reversed = { features: train.features.flip([0]), labels: Int32Array.from(train.labels).reverse() };
      expect(knn(reversed, test, { k: [5, 20] })).toEqual(plain);
    });
  });

  it("is at chance when the labels mean nothing", () => {
    scope(() => {
      const values = Array.from({ length: 400 }, (_, i) => [...numbers(4, i + 1)]);
      const noise = numbers(400, 9);
      const all = labelled(
        values,
        Array.from(noise, (value) => (value > 0 ? 1 : 0)),
      );
      const part = (start: number, end: number) => ({
        features: all.features.slice(0, start, end),
        labels: all.labels.slice(start, end),
      });
      expect(Math.abs((knn(part(0, 200), part(200, 400))[0]?.accuracy ?? 0) - 0.5)).toBeLessThan(0.15);
    });
  });

  it("refuses features that are no numbers and pictures without a class", () => {
    scope(() => {
      const bad = labelled([[1, Number.NaN]], [0]);
      expect(() => knn(bank(), bad, { k: [1] })).toThrow("in queries: expected finite features");
      expect(() => knn(labelled([[1, 0]], [-1]), query(0), { k: [1] })).toThrow(
        "in bank: expected a class from 0 for every row, got -1 in row 0.",
      );
    });
  });
});
