import { expect, test } from "vitest";
import { layersOf, usualBlocks } from "../../../src/sweep/partial/blocks.js";

test("the usual ones double up to all of them", () => {
  expect(usualBlocks(12).map(({ blocks }) => blocks)).toEqual([0, 0.5, 1, 2, 4, 8, "all"]);
  expect(usualBlocks(4).map(({ blocks }) => blocks)).toEqual([0, 0.5, 1, 2, "all"]);
  expect(usualBlocks(1).map(({ blocks }) => blocks)).toEqual([0, 0.5, "all"]);
});

test("layers of the encoder that a configuration names: ViT-L has 24 blocks, ConvNeXt V2 its own count", () => {
  const data = { source: { kind: "folder", path: "none" } } as const;
  expect(layersOf({ data, model: { name: "vit", size: "large" } })).toBe(24);
  expect(layersOf({ data, model: { name: "vit", width: 32, depth: 3, heads: 2 } })).toBe(3);
});
