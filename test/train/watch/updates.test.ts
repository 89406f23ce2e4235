import { afterAll, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { liveTensors } from "../../../src/engine/scope.js";
import { buildMethod } from "../../../src/methods/index.js";
import { buildEncoder } from "../../../src/models/index.js";
import { Rng } from "../../../src/tensor/random.js";
import { parseConfig } from "../../../src/train/config.js";
import { imageShape } from "../../../src/train/loop/task.js";
import { Updates } from "../../../src/train/watch/updates.js";
import { tinyRun } from "../example.js";

const config = parseConfig(tinyRun("photos"));
const method = buildMethod(config.method, () => buildEncoder(config.model, imageShape(config)));
method.initialize(new Rng(0, "init"));
afterAll(() => method.close());

test("the share by which each part changed, and nothing left alive", () => {
  const live = liveTensors();
  const watched = new Updates(method, 10).watch(1);
  watched?.around(() =>
    noGrad(() => {
      for (const [name, parameter] of method.state()) {
        if (name.startsWith("blocks.1.")) parameter.mul_(1.25);
        if (name.startsWith("decoder")) parameter.mul_(0.5);
        if (name === "pos_embed" || name.endsWith("bias")) parameter.mul_(9); // fixed, and no matrix
      }
    }),
  );
  const ratios = watched?.ratios;
  expect(Object.keys(ratios ?? {}).sort()).toEqual(["blocks.0", "blocks.1", "patch_embed", "rest"]);
  expect(ratios).toMatchObject({ "blocks.0": 0, patch_embed: 0 });
  expect(ratios?.["blocks.1"]).toBeCloseTo(0.25, 5);
  expect(ratios?.["rest"]).toBeCloseTo(0.5, 5);
  expect(liveTensors()).toBe(live);
  const matrices = [...method.state()].filter(([name, p]) => p.requiresGrad && p.rank > 1 && name.endsWith("weight"));
  expect(watched?.bytes).toBe(4 * matrices.reduce((sum, [, { size }]) => sum + size, 0));
});

test("forty times a run, and at powers of two before the first of them", () => {
  const measured = (steps: number): number[] => {
    const updates = new Updates(method, steps);
    return Array.from({ length: steps }, (_, i) => i + 1).filter((step) => updates.watch(step) !== undefined);
  };
  expect(measured(8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  const many = measured(1000);
  expect(many.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 25, 50, 75]);
  expect(many).toHaveLength(45);
  expect(many.at(-1)).toBe(1000);
});
