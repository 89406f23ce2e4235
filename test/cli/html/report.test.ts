import { expect, test } from "vitest";
import { costFacts, runReport } from "../../../src/cli/html/report.js";
import { openRun, summarize, verdict } from "../../../src/index.js";
import { temporaryFolder, tinyRun } from "../terminal.js";

test("one file with everything, and no address of anything else", async () => {
  const { run } = await tinyRun(temporaryFolder());
  const opened = openRun(run);
  const text = await runReport(opened, verdict(opened.events, opened.run));
  for (const title of [
    "Curves",
    "Pictures over time",
    "Cost against plan",
    "Files and warnings",
    "Configuration",
    "Environment",
  ]) {
    expect(text).toContain(`>${title}</h2>`);
  }
  expect(text).toContain("too short to judge");
  expect(text).toContain("data:image/png;base64,");
  const addresses = text.match(/(?:src|href|url\()\s*=?\s*["']?(?!data:|#)[\w./:-]+/g) ?? [];
  expect(addresses).toEqual([]);
  expect((text.match(/https?:\/\/[\w.-]+/g) ?? []).filter((one) => one !== "http://www.w3.org")).toEqual([]);
});

test("a run without a step has a report too", async () => {
  const { run } = await tinyRun(temporaryFolder());
  const opened = { ...openRun(run), events: [] };
  const text = await runReport(opened, verdict([], opened.run));
  expect(text).not.toContain(">Curves</h2>");
  expect(text).not.toMatch(/undefined|NaN/);
});

test("time left follows from the steps that are left", () => {
  const summary = { ...summarize([]), steps: 100, trainingSeconds: 60, samples: 6400 };
  const rows = costFacts(summary, { steps: 300, effectiveBatch: 64 }).rows;
  expect(rows).toContainEqual(["steps", "300", "100"]);
  expect(rows).toContainEqual(["pictures seen", "19,200", "6,400"]);
  expect(rows).toContainEqual(["time left at this speed", "", "2 min"]);
});
