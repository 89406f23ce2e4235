import { join } from "node:path";
import { expect, test } from "vitest";
import "../../src/methods/index.js";
import { planRun } from "../../src/plan/plan.js";
import { parseConfig } from "../../src/train/config.js";
import { makePictures, temporaryFolder } from "../cli/terminal.js";

const model = { name: "vit", width: 16, depth: 1, heads: 2, patchSize: 8 } as const;
const method = { name: "mae", decoder: { width: 16, depth: 1, heads: 2 } } as const;

test("steps and time of a run with its pictures; minutes make it as long as they are", async () => {
  const path = await makePictures(join(temporaryFolder(), "pictures"), 8);
  const data = { source: { kind: "folder", path }, imageSize: 32, batchSize: 8, workers: 0 } as const;
  const config = parseConfig({ model, method, data, epochs: 3, precision: "float32" });
  const { run, forecast, cost, gpu } = await planRun(config);
  expect(run).toMatchObject({ pictures: 16, stepsPerEpoch: 2, steps: 6 });
  expect(forecast.stepSeconds).toBeGreaterThan(0);
  expect(forecast.imagesPerSecond * forecast.stepSeconds).toBeCloseTo(8, 6);
  expect(cost.encoder.parameters).toBeGreaterThan(0);
  expect(gpu).toBeUndefined(); // so small a model would leave it idle
  const timed = await planRun(config, { minutes: 1 });
  const steps = timed.run.steps as number;
  expect(steps * timed.forecast.stepSeconds).toBeLessThan(60);
  expect(timed.config.epochs).toBeCloseTo(steps / 2, 6);
});

test("without its pictures what is wrong with them is told, unless their number is given", async () => {
  const data = { source: { kind: "folder", path: "/nowhere" }, imageSize: 32, batchSize: 8 } as const;
  const config = parseConfig({ model, method, data });
  expect((await planRun(config)).run).toEqual({
    learningRate: expect.any(Number),
    unknown: expect.stringContaining("/nowhere"),
  });
  expect((await planRun(config, { pictures: 80 })).run).toMatchObject({ pictures: 80, stepsPerEpoch: 10 });
});

test("sizes of the model beside one another", async () => {
  const data = { source: { kind: "folder", path: "/nowhere" }, imageSize: 32, batchSize: 8 } as const;
  const config = parseConfig({ model: { ...model, patchSize: 16 }, method, data });
  const { sizes } = await planRun(config, { pictures: 80, sizes: ["tiny", "small"] });
  expect(sizes.map(({ size }) => size)).toEqual(["tiny", "small"]);
  expect(sizes[0]?.parameters).toBeLessThan(sizes[1]?.parameters as number);
});
