import { expect, test } from "vitest";
import { differingSettings, flattened } from "../../src/inspect/settings.js";

test("a configuration as names and values", () => {
  const config = { seed: 0, model: { name: "vit", patchSize: [4, 4] }, views: [{ type: "flip" }], none: null };
  expect(flattened(config)).toEqual([
    ["seed", "0"],
    ["model.name", "vit"],
    ["model.patchSize", "4, 4"],
    ["views.0.type", "flip"],
    ["none", "null"],
  ]);
});

test("only what differs, also what one of them lacks", () => {
  const one = { seed: 0, data: { size: [8, 8], path: "a" }, optim: { rate: 0.1 } };
  const other = { seed: 0, data: { size: [8, 16], path: "a" }, pool: "mean", optim: { rate: 0.2 } };
  expect(differingSettings([one, other, one])).toEqual([
    { name: "data.size", values: ["8, 8", "8, 16", "8, 8"] },
    { name: "optim.rate", values: ["0.1", "0.2", "0.1"] },
    { name: "pool", values: [undefined, "mean", undefined] },
  ]);
  expect(differingSettings([one, structuredClone(one)])).toEqual([]);
});
