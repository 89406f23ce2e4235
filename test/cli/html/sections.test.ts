import { expect, test } from "vitest";
import {
  costSection,
  curvesSection,
  figuresSection,
  picturesSection,
  probesSection,
  settingsSection,
  troubleSection,
  verdictSection,
} from "../../../src/cli/html/sections.js";
import { type RunEvent, type RunFile, summarize } from "../../../src/index.js";

const evil = "</section><script>alert(1)</script>";

test("a verdict with its causes and the numbers it rests on", () => {
  const { text } = verdictSection({
    status: "diverged",
    headline: "The run diverged.",
    causes: ["Halve the learning rate.", evil],
    evidence: { bestLoss: 0.66, waitShare: 0.0151 },
  });
  expect(text).toContain('class="verdict bad"');
  expect(text).toContain("<li>Halve the learning rate.</li>");
  expect(text).toContain("best loss 0.66 · wait share 0.0151");
  expect(text).not.toContain("<script>");
});

test("probes: before training, highest and last of each; nothing where there are none", () => {
  const probe = (step: number, value: number, name = "knn"): RunEvent => ({ type: "probe", step, name, value });
  const probed = { config: { log: { probe: { k: 20 } } }, derived: {} } as unknown as RunFile;
  const text = probesSection([probe(0, 0.25), probe(20, 0.5), probe(30, 0.375)], probed)?.text ?? "";
  expect(text).toMatch(/before training.*20-NN.*>25\.0 %<.*>50\.0 %<.*>37\.5 %<.*>30</);
  const other = probesSection([probe(10, 1.5, "ownMeasure")], probed)?.text ?? "";
  expect(other).toMatch(/>own measure<\/th><td class="number"><\/td><td class="number">1\.5</);
  expect(probesSection([], probed)).toBeUndefined();

  const judged = [probe(0, 0.25), probe(20, 0.5)].map((event) => ({ ...event, pictures: 100, meanPerClass: 0.4 }));
  const certain = probesSection(judged as RunEvent[], probed)?.text ?? "";
  expect(certain).toContain(">50.0 % (40.4–59.6), per class 40.0 %<"); // Wilson, scipy 1.17
  expect(certain).toMatch(/Since before training: 20-NN gained 25\.0 points \([\d.]+ to [\d.]+\)/);
  expect(figuresSection(summarize([]), probed, judged as RunEvent[]).text).toContain("50.0 % (40.4–59.6)");

  // Stopped before its first probe: what was measured before training is no result.
  const early = [probe(0, 0.25), probe(0, 9.5, "featureRank")];
  expect(probesSection(early, probed)?.text).toMatch(
    />25\.0 %<\/td><td class="number"><\/td><td class="number"><\/td>/,
  );
  const figures = figuresSection(summarize(early), probed, early).text;
  expect(figures).toContain("<dt>20-NN, before training</dt><dd>25.0 %</dd>");
  expect(figuresSection(summarize([]), probed, [probe(30, 0.375)]).text).toContain("<dt>20-NN</dt><dd>37.5 %</dd>");
  expect(picturesSection([])).toBeUndefined();
  expect(curvesSection(undefined)).toBeUndefined();
});

test("bad files and warnings are named, and nothing in a name becomes HTML", () => {
  const events: RunEvent[] = [
    { type: "badFile", step: 1, sample: 4, path: `${evil}.jpg`, code: "truncated", reason: "ends early" },
    { type: "warning", step: 2, code: "slow", message: "the data is late" },
  ];
  const { text } = troubleSection(events);
  expect(text).toContain("truncated: ends early");
  expect(text).toContain("the data is late");
  expect(text).not.toContain("<script>");
  expect(troubleSection([]).text).toContain("Every picture could be read");
});

test("options by their paths, as they are typed", () => {
  const config = { seed: 0, model: { name: "vit", patchSize: [4, 4] }, views: [{ type: "flip" }], none: null };
  const run = { command: "lacuna pretrain x", config } as unknown as RunFile;
  expect(settingsSection(run).text).toContain("&quot;patchSize&quot;");
});

test("numbers that were not measured have no place", () => {
  const run = { config: {}, derived: { steps: 500 } } as unknown as RunFile;
  const text = figuresSection(summarize([]), run, []).text;
  expect(text).toContain("0 of 500");
  expect(text).not.toMatch(/undefined|NaN/);
  expect(costSection({ rows: [["steps", "500", "0"]] }).text).toContain(">500<");
});
