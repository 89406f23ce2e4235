import { expect, test } from "vitest";
import { expand, shortNames } from "../../src/sweep/points.js";

const ids = (sweep: Parameters<typeof expand>[0]) => expand(sweep).map(({ id }) => id);

test("every combination of the axes, named by short keys", () => {
  const points = expand({ axes: { "method.maskRatio": [0.5, 0.75], seed: [0, 1] } });
  expect(points.map(({ id, group }) => [id, group])).toEqual([
    ["maskRatio-0.5_seed-0", "maskRatio-0.5"],
    ["maskRatio-0.5_seed-1", "maskRatio-0.5"],
    ["maskRatio-0.75_seed-0", "maskRatio-0.75"],
    ["maskRatio-0.75_seed-1", "maskRatio-0.75"],
  ]);
  expect(points[3]?.settings).toEqual([
    { path: "method.maskRatio", value: 0.75 },
    { path: "seed", value: 1 },
  ]);
});

test("named points, alone and at every combination; a sweep of nothing is its base", () => {
  expect(ids({ axes: {}, points: { small: { "model.width": 64 }, large: {} } })).toEqual(["small", "large"]);
  const both = expand({ axes: { seed: [0, 1] }, points: { small: { "model.width": 64 } } });
  expect(both.map(({ id, group, name }) => [id, group, name])).toEqual([
    ["small_seed-0", "small", "small"],
    ["small_seed-1", "small", "small"],
  ]);
  expect(both[1]?.settings).toEqual([
    { path: "model.width", value: 64 },
    { path: "seed", value: 1 },
  ]);
  expect(ids({ axes: {} })).toEqual(["base"]);
});

test("names are short where they can be, and can always be a folder's", () => {
  expect([...shortNames(["model.width", "method.decoder.width", "seed"]).values()]).toEqual([
    "model.width",
    "decoder.width",
    "seed",
  ]);
  const [pair, long, path] = ids({ axes: { "data.imageSize": [[32, 64], "x".repeat(60), "../a b"] } });
  expect(pair).toBe("imageSize-32-64");
  expect(long).toMatch(/^imageSize-[0-9a-f]{10}$/);
  expect(path).toBe("imageSize-a-b");
});

test("two points in one folder are refused", () => {
  expect(() => expand({ axes: { "method.maskRatio": [0.5, 0.5] } })).toThrow(
    /in method\.maskRatio: two points would both be named maskRatio-0\.5\. Take out the value that stands there twice\./,
  );
  expect(() => expand({ axes: { "method.mask": ["a b", "a/b"] } })).toThrow("mask-a-b");
});
