import { join } from "node:path";
import { expect, test } from "vitest";
import { standingLine, standingLines } from "../../../src/cli/sweep/lines.js";
import { loadSweep } from "../../../src/cli/sweep/load.js";
import { SweepFolder } from "../../../src/sweep/folder.js";
import { planSweep } from "../../../src/sweep/plan.js";
import { Standing } from "../../../src/sweep/standing.js";
import { temporaryFolder } from "../terminal.js";
import { tinySweep } from "./example.js";

test("a title and a line a point, in the order in which they are run", async () => {
  const path = temporaryFolder();
  const { file } = await tinySweep(path);
  const resolved = await loadSweep([file], []);
  const plan = await planSweep(resolved);
  const points = plan.points.map(({ point, config }) => ({ id: point.id, config }));
  using folder = await SweepFolder.open(join(path, "sweep"), { title: "t", command: "c", points });
  const standing = new Standing(resolved, plan, folder, new AbortController().signal);
  const lines = standingLines(standing);
  expect(lines[0]).toMatch(/point +work +state +k-NN +linear +loss +training$/);
  expect(lines.slice(1).map((line) => /maskRatio-\S+/.exec(line)?.[0])).toEqual([
    "maskRatio-0.75",
    "maskRatio-0.25",
    "maskRatio-0.5",
  ]);
  expect(plan.points.map((planned) => standingLine(standing, planned))).toEqual(lines.slice(1));
});
