import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadSweep } from "../../../src/cli/sweep/load.js";
import { temporaryFolder } from "../terminal.js";
import { tinySweep } from "./example.js";

const options = ["out", "dry-run"];
const labelled = { train: { kind: "cifar10", split: "train" }, test: { kind: "cifar10", split: "test" } };

test("every point has a complete configuration; flags lie over the base", async () => {
  const { file } = await tinySweep(temporaryFolder());
  const { name, points } = await loadSweep([file, "--epochs=7"], options);
  expect(name).toBe("tiny");
  expect(
    points.map(({ point, config }) => [
      point.id,
      config.method.name === "mae" && config.method.maskRatio,
      config.epochs,
    ]),
  ).toEqual([
    ["maskRatio-0.25", 0.25, 7],
    ["maskRatio-0.5", 0.5, 7],
    ["maskRatio-0.75", 0.75, 7],
  ]);
  expect(points[0]?.config.optim.name).toBe("adamw");
});

test("TypeScript, with a recipe as its base and named points", async () => {
  const folder = temporaryFolder();
  const recipe = new URL("../../../recipes/mae-cifar10-reference.ts", import.meta.url).pathname;
  const file = join(folder, "named.ts");
  writeFileSync(
    file,
    `import { defineSweep } from "lacuna";
     import base from ${JSON.stringify(recipe)};
     const labelled = { kind: "cifar10", split: "train" } as const;
     export default defineSweep({ title: "t", base, evaluate: { train: labelled, test: labelled },
       points: { raw: { "method.normalizeTargets": false }, grid: { method: { name: "mae", mask: "grid" } } } });`,
  );
  const { points } = await loadSweep([file], options);
  expect(points.map(({ point, config }) => [point.id, config.method])).toMatchObject([
    ["raw", { normalizeTargets: false, mask: "random", decoder: { width: 96 } }],
    ["grid", { normalizeTargets: true, mask: "grid", decoder: { width: 512 } }],
  ]);
});

test.each([
  [
    "a misspelt axis",
    { axes: { "method.maskRatoi": [0.5] } },
    /in axes of .*"method\.maskRatoi".*Did you mean method\.maskRatio\?/,
  ],
  [
    "a misspelt key of a point",
    { points: { a: { "model.wdith": 8 } } },
    /in points\.a of .*Did you mean model\.width\?/,
  ],
  ["a misspelt key of the file", { axis: {} }, /"axis", which is none\. Did you mean axes\?/],
  ["a misspelt key of evaluate", { evaluate: { knnn: {} } }, /in evaluate of .*Did you mean knn\?/],
  [
    "a misspelt key of the base",
    { base: { epochz: 3 } },
    /in epochz: .*Did you mean epochs\? \(point maskRatio-0\.25\)/,
  ],
  [
    "a value that cannot be",
    { axes: { "method.maskRatio": [0.5, 75] } },
    /in method\.maskRatio: .*75.*\(point maskRatio-75\)/,
  ],
  [
    "a misspelt key of fine-tuning",
    { evaluate: { ...labelled, finetune: { epohcs: 3 } } },
    /in epohcs: .*Did you mean epochs\? .*\(evaluate\.finetune of /,
  ],
  [
    "another axis in the reference",
    { reference: { source: "s", setting: "t", axis: "method.mask", measures: {} } },
    /in reference\.axis of .*expected method\.maskRatio/,
  ],
])("%s is an error before anything is trained", async (_, changes, message) => {
  const { file } = await tinySweep(temporaryFolder(), changes);
  await expect(loadSweep([file], options)).rejects.toThrow(message);
});

test("what is no sweep, and flags that cannot be", async () => {
  const recipe = new URL("../../../recipes/mae-cifar10-reference.ts", import.meta.url).pathname;
  await expect(loadSweep([recipe], options)).rejects.toThrow("This is a recipe: train it with lacuna pretrain");
  await expect(loadSweep([], options)).rejects.toThrow("expected one sweep file");
  await expect(loadSweep(["photos"], options)).rejects.toThrow("got photos");
  const { file } = await tinySweep(temporaryFolder());
  await expect(loadSweep([file, "--epohcs=2"], options)).rejects.toThrow("Did you mean --epochs?");
  await expect(loadSweep([file, "--method.maskRatio=0.5"], options)).rejects.toThrow("one of its axes (3 values)");
});
