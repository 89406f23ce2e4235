import { expect, test } from "vitest";
import { valueAt, withSettings } from "../src/keys.js";

test("settings lie over a configuration, make the objects on their way, and leave it as it is", () => {
  const config = { data: { batchSize: 1, imageSize: 32 }, method: "mae" };
  const result = withSettings(config, [
    { path: "data.batchSize", value: 8 },
    { path: "method.decoder.width", value: 16 },
    { path: "data.batchSize", value: 9 },
  ]);
  expect(result).toEqual({ data: { batchSize: 9, imageSize: 32 }, method: { decoder: { width: 16 } } });
  expect(config).toEqual({ data: { batchSize: 1, imageSize: 32 }, method: "mae" });
});

test("what stands at a path is found by its text or its parts", () => {
  const config = { data: { mean: [0.5, 0.25] }, seed: 0, none: null };
  expect(valueAt(config, "data.mean")).toEqual([0.5, 0.25]);
  expect(valueAt(config, ["data", "mean", 1])).toBe(0.25);
  expect(valueAt(config, [])).toBe(config);
  for (const path of ["data.std", "seed.deeper", "none.deeper", "nothing.at.all"])
    expect(valueAt(config, path)).toBeUndefined();
});
