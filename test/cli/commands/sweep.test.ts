import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { tinySweep } from "../sweep/example.js";
import { ended, lacuna, start, temporaryFolder } from "../terminal.js";

test("a dry run shows points, order and cost, and makes nothing", async () => {
  const folder = temporaryFolder();
  const { file } = await tinySweep(folder);
  const out = join(folder, "out");
  const { code, out: text } = await lacuna("sweep", file, "--dry-run", "--out", out);
  expect(code).toBe(0);
  expect(text).toMatch(/1 +maskRatio-0\.75 +4 +[\d.]+ M +\d+\.\d % +\d+ s\n +2 +maskRatio-0\.25/);
  expect(text).toMatch(/all +[\d.]+ M +\d+ s\n/);
  expect(existsSync(out)).toBe(false);
  const data = JSON.parse((await lacuna("sweep", file, "--dry-run", "--json")).out);
  expect(data.points.map(({ id }: { id: string }) => id)).toEqual([
    "maskRatio-0.75",
    "maskRatio-0.25",
    "maskRatio-0.5",
  ]);
  expect(data.cost).toBeGreaterThan(0);
  const times = data.points.map(({ seconds }: { seconds: number }) => seconds);
  expect(Math.min(...times)).toBeGreaterThan(0);
  expect(data.seconds).toBeCloseTo(times.reduce((a: number, b: number) => a + b));
});

test("the answer as JSON alone on stdout; a misspelt flag is named", async () => {
  const folder = temporaryFolder();
  const { file } = await tinySweep(folder, { axes: { "method.maskRatio": [0.5] } });
  const { code, out, error } = await lacuna("sweep", file, "--json", "--out", join(folder, "out"));
  expect(code).toBe(0);
  const answer = JSON.parse(out);
  expect(answer).toMatchObject({ exitCode: 0, finished: 1, waiting: 0, summary: { title: "Tiny" } });
  expect(answer.files.every((path: string) => existsSync(path))).toBe(true);
  expect(error).toContain("maskRatio-0.5");
  expect(error).toMatch(/judged by \d+ pictures of 2 classes: a, b/);
  const wrong = await lacuna("sweep", file, "--dryrun");
  expect(wrong).toMatchObject({ code: 2, error: expect.stringContaining("Did you mean --dry-run?") });
});

/** What a sweep comes to: accuracies, losses of every step, and the last weights. */
function essence(folder: string): unknown {
  const points = readdirSync(join(folder, "points")).sort();
  return points.map((id) => {
    const run = join(folder, "points", id);
    const steps = readFileSync(join(run, "events.jsonl"), "utf8")
      .split("\n")
      .flatMap((line) => (line.includes('"type":"step"') ? [JSON.parse(line)] : []))
      .map(({ step, loss }) => [step, loss]);
    const { measures } = JSON.parse(readFileSync(join(folder, "results", `${id}.json`), "utf8"));
    const saved = join(run, "checkpoints", readdirSync(join(run, "checkpoints")).sort().at(-1) ?? "");
    const [checksum] = /"crc32":"[0-9a-f]{8}"/.exec(readFileSync(saved, "latin1")) ?? []; // of all weights and the optimiser's state
    return {
      id,
      steps,
      accuracies: [measures.knn.accuracy, measures.linear.accuracy],
      saved: basename(saved),
      checksum,
    };
  });
}

test("killed with SIGKILL wherever it is, the same command ends where one does that never stopped", async () => {
  const folder = temporaryFolder();
  const base = { epochs: 30, log: { previewPictures: 0, checkpointSteps: 7 } };
  const { file } = await tinySweep(folder, { base, axes: { "method.maskRatio": [0.25, 0.75] } });
  const [whole, killed] = [join(folder, "whole"), join(folder, "killed")];
  expect(await lacuna("sweep", file, "--out", whole)).toMatchObject({ code: 0, error: "" });
  const reached = (name: string, text: string) => (): boolean => {
    const path = join(killed, name);
    return existsSync(path) && readFileSync(path, "utf8").includes(text);
  };
  const moments = [
    reached("results/_raw-pixels.json", "knn"),
    reached("points/maskRatio-0.75/events.jsonl", '"type":"step","step":10,'), // after a checkpoint and before the next
    reached("points/maskRatio-0.75/run.json", '"finished"'), // about to be judged
    reached("points/maskRatio-0.25/events.jsonl", '"type":"step","step":3,'), // before any checkpoint
  ];
  for (const moment of moments) {
    const child = start(["sweep", file, "--out", killed]);
    const end = ended(child);
    const isOver = end.then(() => true);
    while (!moment() && !(await Promise.race([isOver, new Promise<false>((go) => setTimeout(() => go(false), 5))])));
    child.kill("SIGKILL");
    await end;
  }
  expect(await lacuna("sweep", file, "--out", killed)).toMatchObject({ code: 0, error: "" });
  expect(essence(whole)).toMatchObject([{ checksum: expect.any(String) }, { checksum: expect.any(String) }]);
  expect(essence(killed)).toEqual(essence(whole));
});
