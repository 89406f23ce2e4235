import { describe, expect, it } from "vitest";
import type { DoctorReport } from "../../../src/data/doctor/report.js";
import { reportText } from "../../../src/data/doctor/text.js";

const files = (count: number) => Array.from({ length: count }, (_, i) => ({ path: `${i}.jpg`, detail: "odd" }));
const spread = { least: 1, median: 20, most: 300 };

const report: DoctorReport = {
  formatVersion: 1,
  source: "/photos",
  status: "warnings",
  summary: "40 pictures can be trained on; 1 thing wants a look.",
  pictures: 42,
  usable: 40,
  otherFiles: 0,
  findings: [
    { id: "truncated", severity: "warning", title: "cut", count: 12, meaning: "M.", remedy: "R.", files: files(12) },
    { id: "alpha", severity: "note", title: "clear", count: 12, meaning: "M.", remedy: "R.", files: files(12) },
  ],
  statistics: {
    ...{ width: spread, height: spread, shorterSide: spread, aspect: spread },
    fileBytes: { least: 999, median: 123_456, most: 2_500_000_000 },
    totalBytes: 5e12,
    formats: { jpeg: 30, png: 10 },
    mean: [0.5, 0.25, 0.125],
    deviation: [0.1, 0.2, 0.3],
  },
  classes: [
    { name: "cat", usable: 10 },
    { name: "dog", usable: 30 },
  ],
  seconds: 1.26,
};

describe("reportText", () => {
  it("shows counts, statistics and findings, each with meaning and remedy", () => {
    const text = reportText(report);
    expect(text.split("\n").slice(0, 9)).toEqual([
      "/photos: 42 pictures, 40 can be used (examined in 1.3 s)",
      "",
      "  width         1 … 300, median 20",
      "  height        1 … 300, median 20",
      "  shorter side  1 … 300, median 20",
      "  file size     999 B … 2.50 GB, median 123 kB",
      "  in all        5.00 TB: jpeg 30, png 10",
      "  channels      mean 0.500 0.250 0.125, deviation 0.100 0.200 0.300",
      "  classes       2: dog 30, cat 10",
    ]);
    expect(text).toContain("! 12 cut\n  M.\n  → R.\n    0.jpg: odd\n");
    expect(text.endsWith(report.summary)).toBe(true);
  });

  it("names every file that is lost to training, and examples of the rest", () => {
    const text = reportText(report);
    expect(text.match(/11\.jpg/g)).toHaveLength(1);
    expect(text).toContain("… and 2 more");
    expect(reportText(report, { examples: 3 }).match(/… and 9 more/g)).toHaveLength(2);
  });

  it("shows copies in groups, and long groups in part", () => {
    const group = ["a", "b", "c", "d", "e", "f"];
    const [finding] = report.findings;
    if (finding === undefined) throw new Error("no finding");
    const text = reportText({ ...report, findings: [{ ...finding, id: "duplicates", groups: [["x", "y"], group] }] });
    expect(text).toContain("    x  =  y\n    a  =  b  =  c  =  d  = … 2 more");
  });

  it("lets no file name write to the terminal", () => {
    const [finding] = report.findings;
    if (finding === undefined) throw new Error("no finding");
    const text = reportText({ ...report, findings: [{ ...finding, files: [{ path: "a\x1b[2J\n.jpg" }] }] });
    expect(text).toContain("a\\x1b[2J\\x0a.jpg");
  });

  it("is short where there is nothing to say", () => {
    const { statistics: _, classes: __, ...rest } = report;
    expect(reportText({ ...rest, findings: [] })).toBe(
      `/photos: 42 pictures, 40 can be used (examined in 1.3 s)\n\n${report.summary}`,
    );
  });
});
