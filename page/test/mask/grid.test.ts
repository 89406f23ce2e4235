import { expect, test } from "vitest";
import { cellCount, hiddenCount, placeOf } from "../../src/mask/grid.js";

test("cells are counted row by row", () => {
  const grid = { rows: 2, columns: 5 };
  expect(cellCount(grid)).toBe(10);
  expect(placeOf(7, grid)).toEqual({ row: 1, column: 2 });
  expect(hiddenCount(Uint8Array.of(1, 0, 1, 1))).toBe(3);
});
