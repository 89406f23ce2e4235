import { Script } from "node:vm";
import { expect, test } from "vitest";
import { chartScript, chartStyle } from "../../../src/cli/html/chart-script.js";

// What it does is tested in a browser: page/test/browser/report.test.ts.
test("it is one script that ends no element early and asks nobody", () => {
  expect(() => new Script(chartScript)).not.toThrow();
  expect(`${chartScript}${chartStyle}`).not.toMatch(/<\/|https?:|fetch|import|url\(["']?[^#]/);
});
