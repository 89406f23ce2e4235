import { join } from "node:path";
import { expect, test } from "vitest";
import { Report } from "../../../src/cli/report.js";
import { trainOnce } from "../../../src/cli/training/once.js";
import { openRun } from "../../../src/index.js";
import { resolveFinetune } from "../../../src/public/train.js";
import { tinyFinetune, writeClasses } from "../../finetune/example.js";
import { temporaryFolder } from "../terminal.js";

const silent = { write: () => undefined };

test("a finished run is read, not run again; another configuration in its folder is refused", async () => {
  const folder = temporaryFolder();
  const photos = await writeClasses(join(folder, "photos"), 4);
  const report = new Report(false, { out: silent, error: silent });
  const config = resolveFinetune(tinyFinetune(photos, { epochs: 1, precision: "auto" }));
  const run = join(folder, "run");
  const first = await trainOnce(run, config, "test", report);
  expect(first).toMatchObject({ exitCode: 0, accuracy: { last: { epoch: 1 } } });
  const { events } = openRun(run);
  const other = { ...config, log: { ...config.log, heldOutEpochs: 7 }, data: { ...config.data, workers: 1 } };
  expect(await trainOnce(run, other, "test", report)).toEqual(first); // neither changes a number
  expect(openRun(run).events).toHaveLength(events.length);
  const longer = trainOnce(run, { ...config, epochs: 2 }, "test", report);
  await expect(longer).rejects.toThrow(/epochs: 1 -> 2.*Choose another --out/);
});
