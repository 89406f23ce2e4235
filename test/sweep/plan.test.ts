import { expect, test } from "vitest";
import { loadSweep } from "../../src/cli/sweep/load.js";
import { planSweep } from "../../src/sweep/plan.js";
import { tinySweep } from "../cli/sweep/example.js";
import { temporaryFolder } from "../cli/terminal.js";

test("costs are of the whole training; ends come first, the cheaper one before the other", async () => {
  const { file } = await tinySweep(temporaryFolder());
  const { points, failure } = await planSweep(await loadSweep([file], []));
  expect(failure).toBeUndefined();
  expect(points.map(({ point }) => point.at["method.maskRatio"])).toEqual([0.75, 0.25, 0.5]);
  expect(points.map(({ steps }) => steps)).toEqual([4, 4, 4]);
  const [cheap, dear, middle] = points.map(({ cost }) => cost);
  expect(cheap).toBeLessThan(middle as number);
  expect(middle).toBeLessThan(dear as number);
  const longer = await planSweep(await loadSweep([file, "--epochs=4"], []));
  expect(longer.points[0]?.cost).toBe(2 * (cheap as number));
});

test("without its pictures a plan still tells the order, and what is missing", async () => {
  const base = { data: { source: { kind: "folder", path: "/nowhere" }, imageSize: 32, batchSize: 8 } };
  const { file } = await tinySweep(temporaryFolder(), { base });
  const { points, failure } = await planSweep(await loadSweep([file], []));
  expect(failure?.message).toContain("/nowhere");
  expect(points.map(({ point, steps }) => [point.id, steps])[0]).toEqual(["maskRatio-0.75", undefined]);
  const given = await planSweep(await loadSweep([file], []), 80);
  expect(given.failure).toBeUndefined();
  expect(given.points[0]?.steps).toBe(20);
  expect(given.points[0]?.cost).toBe(80 * (points[0]?.cost as number));
});

test("what does not fit together is an error that names the point", async () => {
  const { file } = await tinySweep(temporaryFolder(), { axes: { "method.maskRatio": [0.5, 0.99] } });
  await expect(planSweep(await loadSweep([file], []))).rejects.toThrow(
    /a mask ratio of 0\.99 leaves 0 of 16 patches visible\..*\(point maskRatio-0\.99\)/,
  );
});
