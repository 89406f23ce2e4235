import { expect, test } from "vitest";
import {
  constantOf,
  corners,
  dimensionText,
  fixed,
  free,
  interpolate,
  sameDimension,
  valueAt,
} from "../../src/graph/dimension.js";

const names = ["batch", "kept"];
const low = { batch: 2, kept: 3 };
const high = { batch: 7, kept: 8 };
const through = (value: (sizes: Record<string, number>) => number) =>
  interpolate(names, low, high, corners(names, low, high).map(value));

test("the corners of a box, the lowest first", () => {
  expect(corners(names, low, high)).toEqual([
    { batch: 2, kept: 3 },
    { batch: 7, kept: 3 },
    { batch: 2, kept: 8 },
    { batch: 7, kept: 8 },
  ]);
});

test.each([
  ["5", () => 5],
  ["batch", ({ batch = 0 }) => batch],
  ["1 + kept", ({ kept = 0 }) => 1 + kept],
  ["196 - kept", ({ kept = 0 }) => 196 - kept],
  ["3*batch + batch*kept", ({ batch = 0, kept = 0 }) => batch * (kept + 3)],
] as [string, (sizes: Record<string, number>) => number][])(
  "%s is found from four values, and holds elsewhere",
  (text, value) => {
    const found = through(value);
    expect(found && dimensionText(found)).toBe(text);
    const elsewhere = { batch: 11, kept: 4 };
    expect(found && valueAt(found, elsewhere)).toBe(value(elsewhere));
  },
);

test("a value that is no whole multiple of the sizes is none", () => {
  expect(through(({ batch = 0 }) => 1 / batch)).toBeUndefined();
});

test("constants and names", () => {
  expect([constantOf(fixed(3)), constantOf(fixed(0)), constantOf(free("batch"))]).toEqual([3, 0, undefined]);
  expect(
    sameDimension(
      fixed(3),
      new Map([
        ["", 3],
        ["batch", 0],
      ]),
    ),
  ).toBe(true);
  expect(sameDimension(free("batch"), free("kept"))).toBe(false);
});
