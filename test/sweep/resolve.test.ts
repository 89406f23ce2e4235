import { expect, test } from "vitest";
import "../../src/methods/index.js";
import type { SweepInput } from "../../src/sweep/define.js";
import { resolveSweep } from "../../src/sweep/resolve.js";
import { tinySweep } from "../cli/sweep/example.js";
import { temporaryFolder } from "../cli/terminal.js";

test("every point has a whole configuration, in the order of the axis", async () => {
  const { written } = await tinySweep(temporaryFolder());
  const { sweep, points } = await resolveSweep(written as unknown as SweepInput);
  expect(sweep.evaluate.limit).toBe(10_000);
  expect(points.map(({ point, config }) => [point.id, config.method])).toMatchObject([
    ["maskRatio-0.25", { maskRatio: 0.25 }],
    ["maskRatio-0.5", { maskRatio: 0.5 }],
    ["maskRatio-0.75", { maskRatio: 0.75 }],
  ]);
  expect(points[0]?.config.optim.name).toBe("adamw");
});

test("what is no sweep is refused, and a value that cannot be names its point", async () => {
  const { written } = await tinySweep(temporaryFolder());
  const wrong = { ...written, axes: { "method.maskRatio": [0.5, 75] } } as unknown as SweepInput;
  await expect(resolveSweep(wrong)).rejects.toThrow(/method\.maskRatio: .*\(point maskRatio-75\)/);
  await expect(resolveSweep({ ...written, axis: {} } as unknown as SweepInput)).rejects.toThrow("axis");
});
