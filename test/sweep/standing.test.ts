import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { standingLine } from "../../src/cli/sweep/lines.js";
import { loadSweep } from "../../src/cli/sweep/load.js";
import { pretrain } from "../../src/index.js";
import { verdict } from "../../src/inspect/verdict.js";
import { SweepFolder } from "../../src/public/sweep.js";
import { openRun } from "../../src/runs/reader.js";
import { planSweep } from "../../src/sweep/plan.js";
import { Standing } from "../../src/sweep/standing.js";
import { tinySweep } from "../cli/sweep/example.js";
import { temporaryFolder } from "../cli/terminal.js";

test("waiting, running, trained, done, failed: read from the disk; the table is written at any time", async () => {
  const path = temporaryFolder();
  const { file } = await tinySweep(path);
  const resolved = await loadSweep([file], []);
  const plan = await planSweep(resolved);
  const points = plan.points.map(({ point, config }) => ({ id: point.id, config }));
  using folder = await SweepFolder.open(join(path, "sweep"), { title: "t", command: "c", points });
  const signal = new AbortController().signal;
  const standing = new Standing(resolved, plan, folder, signal);
  const [first, second] = plan.points as [(typeof plan.points)[0], (typeof plan.points)[0]];
  expect(standing.counts()).toEqual({ finished: 0, failed: 0, waiting: 3 });
  expect(standingLine(standing, first)).toMatch(/^ +1 +maskRatio-0\.75 +[\d.]+ M +waiting$/);

  standing.begin(first);
  expect(standing.of(first).status).toBe("running");
  {
    await using run = pretrain(first.config, { out: folder.run(first.point.id) });
    for await (const _ of run);
  }
  standing.refresh(first);
  expect(standing.of(first)).toMatchObject({ status: "trained", accuracies: {} });
  expect(standingLine(standing, second)).toMatch(/waiting +about \d+ s$/); // from the first one's speed
  await standing.judge(first);
  expect(standing.of(first).status).toBe("done");
  const { events, run } = openRun(folder.run(first.point.id));
  expect(standing.of(first).verdict).toBe(verdict(events, run).status);
  expect(standingLine(standing, first)).toMatch(/ done +[\d.]+ % +[\d.]+ % +[\d.]+ +\d+ s$/);

  standing.fail(second.point.id, { code: "non-finite", message: "NaN", step: 3 });
  {
    await using run = pretrain(second.config, { out: folder.run(second.point.id) });
    for await (const _ of run) break;
  }
  const again = new Standing(resolved, plan, folder, signal);
  expect(again.counts()).toEqual({ finished: 1, failed: 1, waiting: 1 });
  expect(standingLine(again, second)).toContain("failed: NaN");

  const { files } = await again.write();
  expect(files.map((name) => existsSync(name))).toEqual([true, true, true, true, true]);
  const table = JSON.parse(readFileSync(join(folder.path, "table.json"), "utf8"));
  expect(table.rows.map(({ group }: { group: string }) => group)).toEqual([
    "maskRatio-0.25",
    "maskRatio-0.5",
    "maskRatio-0.75",
  ]);
  expect(readFileSync(join(folder.path, "table.md"), "utf8")).toContain("![The table as curves](plots.svg)");
});

test("baselines are judged once for each kind of model", async () => {
  const path = temporaryFolder();
  const { file } = await tinySweep(path, { axes: { "model.width": [8, 16] } });
  const resolved = await loadSweep([file], []);
  const plan = await planSweep(resolved);
  using folder = await SweepFolder.open(join(path, "sweep"), { title: "t", command: "c", points: [] });
  const standing = new Standing(resolved, plan, folder, new AbortController().signal);
  const told: string[] = [];
  await standing.judgeBaselines((what) => told.push(what));
  expect(told).toEqual(["raw pixels", "before training (width-8)", "before training (width-16)"]);
  const { summary } = await standing.write();
  expect(summary.baselines.map(({ name }) => name)).toEqual(told);
});
