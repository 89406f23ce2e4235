import { expect, test } from "vitest";
import { summarizeSweep } from "../../src/sweep/summary.js";
import { csvText, markdownText, tableRows } from "../../src/sweep/table.js";
import { exampleResults, exampleSweep } from "./example.js";

const baselines = [{ name: "raw pixels", accuracies: { linear: 0.39, knn: 0.4 } }];

test("Markdown: a row a point, the paper's numbers, and how both compare", () => {
  const sweep = exampleSweep();
  const text = markdownText(
    summarizeSweep(
      sweep,
      exampleResults(sweep, (i) => 0.4 + 0.05 * i),
      baselines,
    ),
  );
  expect(text.split("\n").slice(0, 6)).toEqual([
    "# Mask ratio",
    "",
    "| maskRatio | k-NN % | linear probe % | loss | training, minutes | paper: linear probe % |",
    "| --: | --: | --: | --: | --: | --: |",
    "| 0.1 | 30.0 | 40.0 | 0.7000 | 1.0 | 54.6 |",
    "| 0.5 | 30.0 | 45.0 | 0.7000 | 2.0 | 69.9 |",
  ]);
  expect(text).toContain("For comparison: raw pixels k-NN 40.0 %, linear probe 39.0 %.");
  expect(text).toContain("Paper: a paper, figure 5 (ViT-L).");
  expect(text).toContain("Linear probe: best at 0.9 here, at 0.5 in the paper; rank correlation over 3 places 0.50.");
});

test("CSV: a spread has a column of its own, and commas are quoted", () => {
  const axes = { "method.maskRatio": [0.1], seed: [0, 1] };
  const sweep = exampleSweep({ axes, points: { "a.b": {} }, reference: undefined });
  const text = csvText(
    summarizeSweep(
      sweep,
      exampleResults(sweep, (i) => 0.4 + 0.02 * i),
    ),
  );
  expect(text).toBe(
    'point,maskRatio,seeds,k-NN %,"k-NN %, deviation",linear probe %,"linear probe %, deviation",loss,"loss, deviation","training, minutes"\n' +
      "a.b,0.1,2,30.0,0.0,41.0,1.4,0.7000,0.0000,3.0\n",
  );
});

test("one seed stands with its interval, and every measure with its mean per class", () => {
  const sweep = exampleSweep({ reference: undefined });
  const results = exampleResults(sweep, () => 0.5).map((result) => ({
    ...result,
    judged: { linear: { pictures: 40, meanPerClass: 0.4 } },
  }));
  const summary = summarizeSweep(sweep, results);
  const header = ["maskRatio", "k-NN %", "linear probe %", "linear probe, 95 %", "linear probe, per class %"];
  expect(tableRows(summary)[0]?.slice(0, 5)).toEqual(header);
  // scipy 1.17: binomtest(20, 40).proportion_ci(0.95, method="wilson")
  expect(tableRows(summary)[1]?.slice(0, 5)).toEqual(["0.1", "30.0", "50.0", "35.2–64.8", "40.0"]);
  expect(markdownText(summary)).toContain("95 %: Wilson's interval by the judged pictures");
});

test("verdicts stand in a column where one of them is not normal, those of a row's seeds once each", () => {
  const sweep = exampleSweep({ axes: { "method.maskRatio": [0.1, 0.5], seed: [0, 1] }, reference: undefined });
  const with_ = (...verdicts: string[]): string[][] => {
    const results = exampleResults(sweep, () => 0.5);
    return tableRows(
      summarizeSweep(
        sweep,
        results.map((result, i) => ({ ...result, verdict: verdicts[i] })),
      ),
    );
  };
  expect(with_("normal", "normal", "normal", "too-early")[0]).not.toContain("verdict");
  const [header = [], first = [], second = []] = with_("normal", "collapsed", "normal", "normal");
  const at = header.indexOf("verdict");
  expect([first[at], second[at]]).toEqual(["normal, collapsed", "normal"]);
});

test("cells of what is not known are empty", () => {
  const sweep = exampleSweep();
  const results = exampleResults(sweep, () => 0.5).map((result) => ({ ...result, accuracies: {}, seconds: undefined }));
  expect(tableRows(summarizeSweep(sweep, results))[1]).toEqual(["0.1", "", "", "0.7000", "", "54.6"]);
});
