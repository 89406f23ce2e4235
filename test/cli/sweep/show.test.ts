import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Report } from "../../../src/cli/report.js";
import { loadSweep } from "../../../src/cli/sweep/load.js";
import { showSweep } from "../../../src/cli/sweep/show.js";
import { openRun } from "../../../src/index.js";
import { planSweep } from "../../../src/sweep/plan.js";
import { temporaryFolder } from "../terminal.js";
import { tinySweep } from "./example.js";

async function sweep(file: string, folder: string, options: { retry?: boolean } = {}) {
  let text = "";
  const write = (more: string): void => {
    text += more;
  };
  const resolved = await loadSweep([file], []);
  const report = new Report(false, { out: { write }, error: { write } });
  const setting = { out: folder, command: "lacuna sweep", retry: options.retry ?? false };
  const outcome = await showSweep(resolved, await planSweep(resolved), report, setting);
  return { outcome, text };
}

test("every point is trained, judged and told, in order; a second time nothing is done again", async () => {
  const path = temporaryFolder();
  const { file } = await tinySweep(path);
  const folder = join(path, "out");
  const { outcome, text } = await sweep(file, folder);
  expect(outcome).toMatchObject({ exitCode: 0, finished: 3, failed: 0, waiting: 0 });
  const told = text.split("\n").flatMap((line) => / (maskRatio-\S+) .* done /.exec(line)?.[1] ?? []);
  expect(told).toEqual(["maskRatio-0.75", "maskRatio-0.25", "maskRatio-0.5"]);
  const files = ["table.json", "results/maskRatio-0.5.json", "points/maskRatio-0.5/events.jsonl"];
  const before = files.map((name) => readFileSync(join(folder, name), "utf8"));
  const again = await sweep(file, folder);
  expect(again.text).not.toContain("judging maskRatio");
  expect(files.map((name) => readFileSync(join(folder, name), "utf8"))).toEqual(before);
});

test("a point that diverges is told as failed, the others go on, and --retry trains it again", async () => {
  const path = temporaryFolder();
  const optim = { name: "adamw", warmupEpochs: 0 };
  const { file } = await tinySweep(path, {
    base: { optim, epochs: 4 },
    axes: { "optim.baseLearningRate": [1e-4, 1e38] },
  });
  const folder = join(path, "out");
  const { outcome, text } = await sweep(file, folder);
  expect(outcome).toMatchObject({ exitCode: 1, finished: 1, failed: 1 });
  expect(text).toMatch(/baseLearningRate-1e\+38 .* failed: /);
  const starts = () =>
    openRun(join(folder, "points", "baseLearningRate-1e+38")).events.filter((e) => e.type === "start");
  expect((await sweep(file, folder)).outcome.failed).toBe(1);
  const [first] = starts() as { time: string }[];
  await sweep(file, folder, { retry: true });
  expect(starts()).toHaveLength(1);
  expect(starts()[0]).not.toEqual(first);
});

test("Ctrl-C saves the point under way; the same command goes on with it", async () => {
  const path = temporaryFolder();
  const { file } = await tinySweep(path, { base: { epochs: 60 } });
  const folder = join(path, "out");
  const run = join(folder, "points", "maskRatio-0.75");
  const watch = setInterval(() => {
    if (!existsSync(join(run, "run.json"))) return;
    clearInterval(watch);
    process.emit("SIGINT");
  }, 1);
  const stopped = await sweep(file, folder);
  expect(stopped.outcome).toMatchObject({ exitCode: 130, finished: 0, waiting: 3 });
  const { state, events } = openRun(run);
  expect(state).toBe("interrupted");
  expect(events.at(-1)?.step).toBeLessThan(120);
  const shorter = await tinySweep(path, { base: { epochs: 60 }, axes: { "method.maskRatio": [0.75] } });
  expect((await sweep(shorter.file, folder)).outcome).toMatchObject({ exitCode: 0, finished: 1 });
  const steps = openRun(run).events.flatMap((event) => (event.type === "step" ? [event.step] : []));
  expect(steps).toEqual(Array.from({ length: 120 }, (_, i) => i + 1));
});
