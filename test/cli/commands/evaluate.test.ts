import { expect, test } from "vitest";
import { certainty, comparison } from "../../../src/cli/commands/evaluate.js";
import { lacuna, temporaryFolder, tinyRun } from "../terminal.js";

test.each(["knn", "linear"] as const)("%s beside raw pixels and the untrained encoder", async (which) => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 20 });
  const { code, out } = await lacuna("evaluate", which, run, "--data", pictures, "--json");
  expect(code).toBe(0);
  const { rows, measure, step } = JSON.parse(out);
  expect({ measure, step }).toEqual({ measure: which, step: 5 });
  expect(rows.map(({ name }: { name: string }) => name)).toEqual(["raw pixels", "before training", "after 5 steps"]);
  for (const row of rows) expect(row[which]).toBeGreaterThan(0.5); // red and blue
});

test("the table says how the pictures were split", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 20 });
  const { out } = await lacuna("evaluate", "knn", run, "--data", pictures, "--k", "3");
  expect(out).toMatch(
    /labelled pictures to learn from, \d+ to judge \(a fifth, chosen by name, is judged\)\n2 classes: a, b\n/,
  );
  expect(out).toMatch(/accuracy +3-NN/);
});

test("linear says which protocol it is, and how to get the other", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 10 });
  const { out } = await lacuna("evaluate", "linear", run, "--data", pictures);
  expect(out).toContain("This is the exact probe: logistic regression (L-BFGS) on cached features");
  expect(out).toContain("LARS, batch norm, crops");
  expect(out).toContain("lacuna finetune <run> --data … --train-blocks 0");
});

test("data is needed", async () => {
  expect(await lacuna("evaluate", "knn", "run")).toMatchObject({
    code: 2,
    error: expect.stringContaining("--data cifar10"),
  });
});

test("says plainly when features are no better than pixels", () => {
  const rows = (pixels: number, before: number, after: number) =>
    [pixels, before, after].map((knn) => ({ name: "", dimensions: 1, seconds: 0, knn }));
  expect(comparison(rows(0.396, 0.301, 0.38), "knn")).toBe(
    "Training gained 7.9 points; the features are no better than raw pixels yet (1.6 points below).",
  );
  expect(comparison(rows(0.396, 0.301, 0.41), "knn")).toMatch(/1\.4 points better than raw pixels/);
  expect(comparison(rows(0.396, 0.301, 0.3), "knn")).toMatch(/^Training lost 0\.1 points/);
});

test("an accuracy is said with what its pictures can tell", () => {
  expect(certainty(4 / 81, 81, [0.0193693, 0.1202023])).toBe(
    "4.9 % of 81 judged pictures stands for 1.9 to 12.0 % (95 %, Wilson).",
  );
});
