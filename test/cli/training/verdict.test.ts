import { expect, test } from "vitest";
import { Report } from "../../../src/cli/report.js";
import { comparisonText, tellVerdict, unkeptText } from "../../../src/cli/training/verdict.js";
import type { Verdict } from "../../../src/index.js";
import { FileError } from "../../../src/runs/errors.js";

const verdict: Verdict = {
  status: "frozen",
  suspect: "learning-rate",
  headline: "It stands still.",
  causes: ["a low rate"],
  evidence: {},
};

test("the headline, what may be behind it, and that no recorded run is near", () => {
  let text = "";
  const out = { write: (more: string) => (text += more) };
  tellVerdict(new Report(false, { out, error: out }), verdict);
  expect(text).toBe("It stands still.\n  - a low rate\n");
  expect(comparisonText(verdict)).toEqual({ title: expect.stringContaining("No recorded run is near"), rows: [] });
});

test("why something could not be kept, and where", () => {
  const detail = { code: "system", path: "/run/curves.svg", expected: "a place", actual: "a read-only disk" } as const;
  expect(unkeptText("curves", new FileError(detail))).toBe("The curves could not be kept in /run: a read-only disk.");
});
