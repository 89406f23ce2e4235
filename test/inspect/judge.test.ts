import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { comparisonText, unkeptText } from "../../src/cli/training/verdict.js";
import { judgeRun } from "../../src/inspect/judge.js";
import { lacuna, temporaryFolder, tinyRun } from "../cli/terminal.js";
import { mayMount, readOnly } from "../disk.js";

const record = fileURLToPath(new URL("../../records/2026-11-22-mae-cifar10/seed-1", import.meta.url));

test("a run is held beside the recorded one, which stands behind its curves", async () => {
  const folder = join(temporaryFolder(), "run");
  cpSync(record, folder, { recursive: true });
  const { verdict, curves } = await judgeRun(folder);
  expect(verdict.status).toBe("normal");
  const { title, rows } = comparisonText(verdict);
  expect(title).toBe("Beside mae-cifar10-reference, recorded with the same configuration:");
  expect(Object.fromEntries(rows)).toMatchObject({
    loss: "−0.6 %",
    "gradient norm": expect.stringMatching(/^\+6/) as unknown,
  });
  expect(readFileSync(curves?.svg as string, "utf8")).toContain("recorded: mae-cifar10-reference");
  const near = {
    ...verdict,
    comparison: { ...verdict.comparison, nearness: "near", differences: ["batch 8 instead of 256"] },
  };
  expect(comparisonText(near as typeof verdict).title).toContain("(batch 8 instead of 256); for orientation only");
});

test("where none is near, it says by what it judges", async () => {
  const { run } = await tinyRun(temporaryFolder());
  const { verdict, curves } = await judgeRun(run);
  expect(comparisonText(verdict)).toMatchObject({
    title: expect.stringContaining("No recorded run is near") as unknown,
    rows: [],
  });
  expect(existsSync(curves?.png as string)).toBe(true);
});

test.skipIf(!mayMount)(
  "a run that can only be read is judged, and it is said that its curves are not kept",
  async () => {
    const folder = join(temporaryFolder(), "run");
    cpSync(record, folder, { recursive: true });
    const view = readOnly(folder);
    const { verdict, curves, unkept } = await judgeRun(view);
    expect([verdict.status, curves]).toEqual(["normal", undefined]);
    expect(unkept && unkeptText("curves", unkept)).toBe(
      `The curves could not be kept in ${view}: a read-only disk (EROFS).`,
    );
    const { code, out } = await lacuna("inspect", view);
    expect([code, out]).toEqual([0, expect.stringContaining("The curves could not be kept")]);
  },
);
