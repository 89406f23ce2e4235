import { join } from "node:path";
import { expect, test } from "vitest";
import { openModel, tellAssumed } from "../../../src/cli/measure/model.js";
import { Report } from "../../../src/cli/report.js";
import { convert } from "../../../src/index.js";
import { temporaryFolder, tinyRun } from "../terminal.js";

test("what another's file leaves open is said, of a run of ours nothing", async () => {
  const folder = temporaryFolder();
  const { run } = await tinyRun(folder);
  const lines: string[] = [];
  const stream = { write: (text: string) => lines.push(text) };
  const report = new Report(false, { out: stream, error: stream });
  (await openModel(report, run, { device: "cpu" })).close();
  expect(lines).toEqual([]);
  const foreign = join(folder, "foreign.pth");
  convert(run, foreign, {
    to: "official",
    overwrite: false,
    heads: undefined,
    decoderHeads: undefined,
    imageSize: undefined,
  });
  (await openModel(report, foreign)).close();
  expect(lines.join("")).toMatch(/^assumed: .*head/m);
  const opened = lines.filter((line) => !line.includes("pool"));
  lines.length = 0;
  await tellAssumed(report, undefined);
  await tellAssumed(report, run);
  expect(lines).toEqual([]);
  await tellAssumed(report, foreign);
  expect(lines).toEqual(opened);
});
