import { expect, test } from "vitest";
import type { PageDescription } from "../../../src/page/description.js";
import { checkMask, differenceFrom } from "../../src/model/check.js";

const description = {
  check: { example: 0, keep: [0, 3], positions: [1, 4], values: [0.5, -2], tolerance: 1e-3 },
} as unknown as PageDescription;

test("the mask leaves what libtorch saw", () => {
  expect(Array.from(checkMask(description, 5))).toEqual([0, 1, 1, 0, 1]);
});

test("the largest difference counts; what is missing or no number is infinitely far", () => {
  expect(differenceFrom(description, Float32Array.of(0, 0.5, 0, 0, -2.25))).toBe(0.25);
  expect(differenceFrom(description, Float32Array.of(0, 0.5))).toBe(Number.POSITIVE_INFINITY);
  expect(differenceFrom(description, Float32Array.of(0, Number.NaN, 0, 0, -2))).toBe(Number.POSITIVE_INFINITY);
});
