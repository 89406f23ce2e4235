import { expect, test } from "vitest";
import { cellAfterKey, cellAt, cellsBetween, inverted, painted, underBrush } from "../../src/mask/edit.js";

const grid = { rows: 3, columns: 4 };

test("painting makes a new mask, and none where nothing changes", () => {
  const mask = Uint8Array.of(0, 0, 1);
  expect(Array.from(painted(mask, [0, 2], true))).toEqual([1, 0, 1]);
  expect(Array.from(mask)).toEqual([0, 0, 1]);
  expect(painted(mask, [2], true)).toBe(mask);
  expect(Array.from(inverted(mask))).toEqual([1, 1, 0]);
});

test("a brush stays inside the grid", () => {
  expect(underBrush(5, 1, grid)).toEqual([5]);
  expect(underBrush(5, 2, grid)).toEqual([5, 6, 9, 10]);
  expect(underBrush(0, 3, grid)).toEqual([0, 1, 4, 5]);
  expect(underBrush(11, 2, grid)).toEqual([11]);
});

test("a fast stroke leaves no gap", () => {
  expect(cellsBetween(0, 3, grid)).toEqual([0, 1, 2, 3]);
  expect(cellsBetween(0, 10, grid)).toEqual([0, 5, 10]);
  expect(cellsBetween(8, 0, grid)).toEqual([8, 4, 0]);
  expect(cellsBetween(7, 7, grid)).toEqual([7]);
});

test("places outside belong to the nearest cell", () => {
  expect(cellAt(0.3, 0.4, grid)).toBe(5);
  expect(cellAt(-1, 2, grid)).toBe(8);
  expect(cellAt(1, 0, grid)).toBe(3);
});

test("keys move as the ARIA grid pattern says, and stop at the border", () => {
  const after = (cell: number, key: string, control = false): number | undefined =>
    cellAfterKey(cell, key, grid, control);
  expect([after(5, "ArrowLeft"), after(5, "ArrowRight"), after(5, "ArrowUp"), after(5, "ArrowDown")]).toEqual([
    4, 6, 1, 9,
  ]);
  expect([after(4, "ArrowLeft"), after(7, "ArrowRight"), after(1, "ArrowUp"), after(9, "ArrowDown")]).toEqual([
    4, 7, 1, 9,
  ]);
  expect([after(6, "Home"), after(5, "End"), after(6, "Home", true), after(5, "End", true)]).toEqual([4, 7, 0, 11]);
  expect([after(9, "PageUp"), after(1, "PageDown")]).toEqual([1, 9]);
  expect(after(5, "x")).toBeUndefined();
});
