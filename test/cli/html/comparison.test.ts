import { expect, test } from "vitest";
import { comparisonReport } from "../../../src/cli/html/comparison.js";
import { type RunEvent, summarize } from "../../../src/index.js";
import type { RunComparison } from "../../../src/public/runs.js";
import { stepEvent } from "../../runs/example.js";

const run = (name: string) => ({
  name,
  folder: `runs/${name}`,
  id: name,
  state: "finished" as const,
  summary: { ...summarize([]), steps: 12 },
  probes: [{ name: "knn", before: 0.25, best: 0.5, last: 0.5, step: 12 }],
  scores: {},
  verdict: { status: "normal" as const, headline: `${name} learns.`, causes: [], evidence: {} },
});

test("results, features, curves, settings and verdicts of all runs, and no address of anything else", async () => {
  const evil = "<script>alert(1)</script>";
  const comparison: RunComparison = {
    runs: [run("a"), run("b")],
    settings: [{ name: "seed", values: ["0", evil] }],
    isSameTask: false,
  };
  const step: RunEvent = { ...stepEvent(1), loss: 0.75 };
  const logged = ["a", "b"].map((name) => ({ name, events: [step] }));
  const text = await comparisonReport(comparison, "<svg></svg>", logged);
  for (const title of [
    "Results",
    "Features, before training → last",
    "Curves",
    "Values",
    "Configurations",
    "Verdicts",
  ]) {
    expect(text).toContain(`>${title}</h2>`);
  }
  expect(text).toContain('<th scope="row">seed</th><td>0</td><td>&lt;script&gt;');
  expect(text).toContain("<td>25.0 → 50.0 %</td>");
  expect(text).toContain("<dt>b</dt><dd>b learns.</dd>");
  expect(text).toContain("losses may measure different tasks");
  expect(text).not.toContain(evil);
  expect(text).not.toMatch(/https?:/);
  const same = await comparisonReport({ ...comparison, settings: [], isSameTask: true }, undefined, []);
  expect(same).toContain("Their configurations are the same.");
  expect(same).not.toContain(">Curves</h2>");
});
