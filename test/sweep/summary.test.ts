import { expect, test } from "vitest";
import { measuresOf, summarizeSweep } from "../../src/sweep/summary.js";
import { exampleResults, exampleSweep } from "./example.js";

test("ours stands beside the paper's, at the same places", () => {
  const sweep = exampleSweep();
  const summary = summarizeSweep(
    sweep,
    exampleResults(sweep, (i) => [0.4, 0.5, 0.45][i] ?? 0),
  );
  expect(summary.axis).toBe("method.maskRatio");
  expect(summary.rows.map(({ measures, paper }) => [measures.linear?.mean, paper.linear])).toEqual([
    [40, 54.6],
    [50, 69.9],
    [45, 66.1],
  ]);
  expect(summary.agreement).toEqual([
    { measure: "linear", places: 3, bestOurs: 0.5, bestPaper: 0.5, rankCorrelation: 1 },
  ]);
});

test("Spearman's correlation of the ranks, ties sharing theirs (scipy.stats.spearmanr)", () => {
  const correlation = (ours: number[], paper: number[]): number | undefined => {
    const values = [0.1, 0.2, 0.3, 0.4, 0.5].slice(0, ours.length);
    const linear = { label: "x", values: values.map((x, i) => [x, paper[i] ?? 0]) };
    const reference = { source: "s", setting: "t", measures: { linear } };
    const sweep = exampleSweep({ axes: { "method.maskRatio": values }, reference });
    return summarizeSweep(
      sweep,
      exampleResults(sweep, (i) => (ours[i] ?? 0) / 100),
    ).agreement[0]?.rankCorrelation;
  };
  expect(correlation([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])).toBeCloseTo(0.82078268, 8);
  expect(correlation([1, 2, 3, 4, 5], [9, 7, 6, 4, 1])).toBeCloseTo(-1, 12);
  expect(correlation([1, 2], [2, 1])).toBeUndefined(); // two places say nothing
  expect(correlation([3, 3, 3, 3, 3], [1, 2, 3, 4, 5])).toBeUndefined();
});

test("seeds are averaged over: mean and sample deviation", () => {
  const sweep = exampleSweep({ axes: { "method.maskRatio": [0.1, 0.5], seed: [0, 1, 2] } });
  const { rows } = summarizeSweep(
    sweep,
    exampleResults(sweep, (i) => 0.4 + 0.01 * i),
  );
  expect(rows).toHaveLength(2);
  expect(rows[0]).toMatchObject({ group: "maskRatio-0.1", seeds: 3, finished: 3, seconds: 60 + 120 + 180 });
  expect(rows[0]?.measures.linear?.mean).toBeCloseTo(41);
  expect(rows[0]?.measures.linear?.deviation).toBeCloseTo(1);
});

test("what is not known is left out", () => {
  const sweep = exampleSweep({ reference: undefined });
  const [first, ...rest] = exampleResults(sweep, () => 0.5);
  const waiting = { ...first, status: "waiting", accuracies: {}, loss: undefined, seconds: undefined } as typeof first;
  const { rows, agreement } = summarizeSweep(sweep, [waiting, ...rest] as never);
  expect(rows[0]).toMatchObject({ finished: 0, measures: {}, paper: {}, loss: undefined, seconds: undefined });
  expect(agreement).toEqual([]);
});

test("measures are those that the sweep asks for", () => {
  const { evaluate } = exampleSweep();
  expect(measuresOf(evaluate)).toEqual(["knn", "linear"]);
  expect(measuresOf({ ...evaluate, knn: false })).toEqual(["linear"]);
});
