import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import {
  fromWindows,
  isShifted,
  padToWindows,
  relativeRows,
  shiftMask,
  toWindows,
  windowsOf,
} from "../../../src/models/swin/windows.js";
import { arange } from "../../../src/tensor/creation.js";

test("windows are no larger than the map, and stay where one covers it, on either side", () => {
  expect(windowsOf([56, 56], 7)).toEqual({ size: [7, 7], shift: [3, 3] });
  expect(windowsOf([7, 7], 7)).toEqual({ size: [7, 7], shift: [0, 0] });
  expect(windowsOf([6, 6], 7)).toEqual({ size: [6, 6], shift: [0, 0] });
  expect(windowsOf([4, 12], 4)).toEqual({ size: [4, 4], shift: [0, 2] });
  expect([windowsOf([4, 12], 4), windowsOf([4, 4], 4)].map(isShifted)).toEqual([true, false]);
});

test("a map falls into windows row by row, and comes back in its order, padding and all", () => {
  scope(() => {
    const map = arange(0, 2 * 3 * 5).reshape([2, 3, 5, 1]);
    const padded = padToWindows(map, [2, 4]); // [2 4 8 1]
    expect(padded.shape).toEqual([2, 4, 8, 1]);
    const windows = toWindows(padded, [2, 4]); // [8 8 1]
    expect(windows.select(0, 0).flatten().toNumbers()).toEqual([0, 1, 2, 3, 5, 6, 7, 8]);
    expect(windows.select(0, 3).flatten().toNumbers()).toEqual([14, 0, 0, 0, 0, 0, 0, 0]);
    const back = fromWindows(windows, [2, 4], [4, 8]).slice(1, 0, 3).slice(2, 0, 5);
    expect(back.flatten().toNumbers()).toEqual(map.flatten().toNumbers());
    expect(padToWindows(map, [3, 5])).toBe(map);
  });
});

test("pairs that lie apart alike share a row of the table; every row is some pair's", () => {
  scope(() => {
    const [h, w] = [2, 3];
    const rows = relativeRows([h, w], "cpu").toNumbers();
    const at = (i: number, j: number) => rows[i * h * w + j];
    expect(new Set(rows).size).toBe((2 * h - 1) * (2 * w - 1));
    expect([Math.min(...rows), Math.max(...rows)]).toEqual([0, 14]);
    expect(at(0, 1)).toBe(at(4, 5)); // one to the left
    expect(at(0, 1)).not.toBe(at(1, 0));
    expect(at(0, 0)).toBe(7); // the middle of 3 × 5
  });
});

test("in moved windows only neighbours see each other: a map of 4 × 4 in windows of 2", () => {
  scope(() => {
    const mask = shiftMask([4, 4], { size: [2, 2], shift: [1, 1] }, "cpu"); // [4 4 4]
    expect(mask.select(0, 0).flatten().toNumbers()).toEqual(Array(16).fill(0)); // lies in one piece
    const seam = [0, -100, 0, -100, -100, 0, -100, 0]; // left and right column apart
    expect(mask.select(0, 1).flatten().toNumbers()).toEqual([...seam, ...seam]);
    const corners = mask.select(0, 3).toNumbers(); // four pieces
    expect(corners).toEqual(Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 0 : -100)));
  });
});

test("a side without a seam takes no part", () => {
  scope(() => {
    const mask = shiftMask([2, 4], { size: [2, 2], shift: [0, 1] }, "cpu"); // [2 4 4]
    expect(mask.select(0, 0).flatten().toNumbers()).toEqual(Array(16).fill(0));
    const seam = [0, -100, 0, -100, -100, 0, -100, 0];
    expect(mask.select(0, 1).flatten().toNumbers()).toEqual([...seam, ...seam]);
  });
});
