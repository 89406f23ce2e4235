import { expect, test } from "vitest";
import { augmentationConfig, maskedView } from "../../../src/methods/parts/augmentation.js";

test("the rows of the paper's table 1e", () => {
  const image = { imageSize: [32, 48], channels: 3 } as const;
  const kinds = (name: string): string[] =>
    maskedView(augmentationConfig.parse(name), image).image.map(({ type }) => type);
  expect(kinds("randomCrop")).toEqual(["randomResizedCrop", "flip"]);
  expect(kinds("fixedCrop")).toEqual(["resize", "centerCrop", "reflectPadCrop", "flip"]);
  expect(kinds("colorJitter")).toEqual(["randomResizedCrop", "flip", "colorJitter"]);
  expect(kinds("none")).toEqual(["resize", "centerCrop"]);
  expect(augmentationConfig.parse(undefined)).toBe("randomCrop");
});
