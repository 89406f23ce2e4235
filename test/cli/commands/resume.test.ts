import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lacuna, temporaryFolder, tinyRun } from "../terminal.js";

// Going on after a signal: pretrain.test.ts.

test("a finished run has nothing left", async () => {
  const { run } = await tinyRun(temporaryFolder());
  const { code, out } = await lacuna("resume", run, "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ steps: 2, isNew: false, exitCode: 0, loss: expect.any(Number) as unknown });
  const before = readFileSync(join(run, "events.jsonl"), "utf8");
  const again = await lacuna("resume", run);
  expect(again.out).toMatch(/This run is finished, with nothing left to do: 2 steps, loss \d/);
  expect(again.out).not.toMatch(/NaN|goes on at/);
  expect(readFileSync(join(run, "events.jsonl"), "utf8")).toBe(before);
  expect((await lacuna("inspect", run)).out).toMatch(/begun 1 time\n/);
});

test("changed pictures are named, and accepted on demand", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 9 });
  rmSync(join(pictures, "a", "3.png"));
  const refused = await lacuna("resume", run);
  expect(refused).toMatchObject({ code: 1, error: expect.stringContaining("1 gone (a/3.png)") });
  const { code, out } = await lacuna("resume", run, "--accept-changed-data");
  expect(code).toBe(0);
  expect(out).toContain("warning: the pictures have changed");
});
