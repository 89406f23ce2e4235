/** Painting on a mask: nothing here changes the mask that it is given. */
import { cellCount, type Grid, type Mask, placeOf } from "./grid.js";

/** The mask with `cells` hidden or visible; the very same mask where nothing changes. */
export function painted(mask: Mask, cells: readonly number[], hidden: boolean): Mask {
  const value = hidden ? 1 : 0;
  if (cells.every((cell) => mask[cell] === value)) return mask;
  const next = mask.slice();
  for (const cell of cells) next[cell] = value;
  return next;
}

/** What was hidden is visible and the other way round. */
export function inverted(mask: Mask): Mask {
  return mask.map((hidden) => 1 - hidden);
}

/** The cells under a square brush of `size` cells around `cell`, those outside the grid left out. */
export function underBrush(cell: number, size: number, grid: Grid): number[] {
  const { row, column } = placeOf(cell, grid);
  const before = Math.floor((size - 1) / 2);
  const cells: number[] = [];
  for (let y = row - before; y < row - before + size; y++) {
    for (let x = column - before; x < column - before + size; x++) {
      if (y >= 0 && y < grid.rows && x >= 0 && x < grid.columns) cells.push(y * grid.columns + x);
    }
  }
  return cells;
}

/** All cells that a straight stroke passes, ends included: a fast pointer reports only some of them. */
export function cellsBetween(from: number, to: number, grid: Grid): number[] {
  const [a, b] = [placeOf(from, grid), placeOf(to, grid)];
  const steps = Math.max(Math.abs(b.row - a.row), Math.abs(b.column - a.column));
  return Array.from({ length: steps + 1 }, (_, i) => {
    const share = steps === 0 ? 0 : i / steps;
    const row = Math.round(a.row + share * (b.row - a.row));
    const column = Math.round(a.column + share * (b.column - a.column));
    return row * grid.columns + column;
  });
}

/** The cell at a place in the grid, each coordinate a share of its side; the nearest where the place is outside. */
export function cellAt(x: number, y: number, grid: Grid): number {
  const clamp = (value: number, count: number): number => Math.min(count - 1, Math.max(0, Math.floor(value * count)));
  return clamp(y, grid.rows) * grid.columns + clamp(x, grid.columns);
}

/** Where a key of the ARIA grid pattern leads; undefined for any other key. */
export function cellAfterKey(cell: number, key: string, grid: Grid, withControl = false): number | undefined {
  const { row, column } = placeOf(cell, grid);
  const last = cellCount(grid) - 1;
  switch (key) {
    case "ArrowLeft":
      return column > 0 ? cell - 1 : cell;
    case "ArrowRight":
      return column < grid.columns - 1 ? cell + 1 : cell;
    case "ArrowUp":
      return row > 0 ? cell - grid.columns : cell;
    case "ArrowDown":
      return row < grid.rows - 1 ? cell + grid.columns : cell;
    case "Home":
      return withControl ? 0 : row * grid.columns;
    case "End":
      return withControl ? last : (row + 1) * grid.columns - 1;
    case "PageUp":
      return column;
    case "PageDown":
      return last - (grid.columns - 1) + column;
    default:
      return undefined;
  }
}
