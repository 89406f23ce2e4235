import { join } from "node:path";
import { expect, test } from "vitest";
import { lacuna, temporaryFolder, tinyFlags, tinyRun } from "../terminal.js";

test.each(["knn", "linear"] as const)("%s beside raw pixels and the untrained encoder", async (which) => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 20 });
  const { code, out } = await lacuna("evaluate", which, run, "--data", pictures, "--json");
  expect(code).toBe(0);
  const { rows, measure, step } = JSON.parse(out);
  expect({ measure, step }).toEqual({ measure: which, step: 5 });
  expect(rows.map(({ name }: { name: string }) => name)).toEqual(["raw pixels", "before training", "after 5 steps"]);
  for (const row of rows) {
    expect(row[which]).toBeGreaterThan(0.5); // red and blue
    expect(row.meanPerClass[which]).toBeGreaterThan(0.5);
    expect(row).not.toHaveProperty("right");
  }
});

test("the table says how the pictures were split", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 20 });
  const { out } = await lacuna("evaluate", "knn", run, "--data", pictures, "--k", "3");
  expect(out).toMatch(
    /labelled pictures to learn from, \d+ to judge \(a fifth of each class, chosen by name, is judged\)\n2 classes: a, b\n/,
  );
  expect(out).toMatch(/accuracy +3-NN +per class/);
  expect(out).toMatch(/after 5 steps +[\d.]+ % \([\d.]+–[\d.]+\) +[\d.]+ %/);
  expect(out).toMatch(/95 % intervals \(Wilson\) by \d+ judged pictures/);
  expect(out).toMatch(/Training (gained|lost) .* points/);
});

test("linear says which protocol it is, and how to get the other", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 10 });
  const { out } = await lacuna("evaluate", "linear", run, "--data", pictures);
  expect(out).toContain("This is the exact probe: logistic regression (L-BFGS) on cached features");
  expect(out).toContain("LARS, batch norm, crops");
  expect(out).toContain("lacuna finetune <run> --data … --train-blocks 0");
});

test("--every-block judges what stands behind each block but the last, whose features are the model's", async () => {
  const folder = temporaryFolder();
  const { pictures } = await tinyRun(folder, { perClass: 20 });
  const run = join(folder, "deep");
  const deep = tinyFlags.map((flag) => flag.replace(/depth=1$/, "depth=3"));
  expect((await lacuna("pretrain", pictures, ...deep, "--epochs=1", "--out", run)).code).toBe(0);
  const { code, out } = await lacuna("evaluate", "knn", run, "--data", pictures, "--every-block", "--json");
  expect(code).toBe(0);
  const { rows } = JSON.parse(out) as { rows: { name: string; knn: number; dimensions: number }[] };
  expect(rows.slice(3).map(({ name }) => name)).toEqual(["behind block 1", "behind block 2"]);
  for (const { knn, dimensions } of rows.slice(3)) {
    expect(dimensions).toBe(16);
    expect(knn).toBeGreaterThan(0.5); // red and blue
  }
});

test("data is needed", async () => {
  expect(await lacuna("evaluate", "knn", "run")).toMatchObject({
    code: 2,
    error: expect.stringContaining("--data cifar10"),
  });
});
