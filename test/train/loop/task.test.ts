import { expect, test } from "vitest";
import { imageShape } from "../../../src/train/loop/task.js";

test("a side stands for a square", () => {
  expect(imageShape({ data: { imageSize: 32, channels: 3 } })).toEqual({ imageSize: [32, 32], channels: 3 });
  expect(imageShape({ data: { imageSize: [24, 48], channels: 1 } })).toEqual({ imageSize: [24, 48], channels: 1 });
});
