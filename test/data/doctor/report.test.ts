import { describe, expect, it } from "vitest";
import { type DoctorReport, doctorReportSchema } from "../../../src/data/doctor/report.js";

const report: DoctorReport = {
  formatVersion: 1,
  source: "/photos",
  status: "good",
  summary: "1 pictures, ready for training.",
  pictures: 1,
  usable: 1,
  otherFiles: 0,
  findings: [{ id: "x", severity: "note", title: "t", count: 1, meaning: "m", remedy: "r", files: [{ path: "a" }] }],
  seconds: 0.5,
};

describe("doctorReportSchema", () => {
  it("takes what was written down", () => {
    expect(doctorReportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });

  it("refuses another version, unknown keys and an unknown status", () => {
    for (const change of [{ formatVersion: 2 }, { verdict: "good" }, { status: "fine" }, { pictures: -1 }]) {
      expect(doctorReportSchema.safeParse({ ...report, ...change }).success).toBe(false);
    }
  });
});
