/** Patches as cells of a grid, numbered row by row. */
export interface Grid {
  readonly rows: number;
  readonly columns: number;
}

/** [N], 1 = hidden, 0 = visible, in image order: the convention of the paper's code. */
export type Mask = Uint8Array;

export function cellCount({ rows, columns }: Grid): number {
  return rows * columns;
}

export function hiddenCount(mask: Mask): number {
  return mask.reduce((sum, hidden) => sum + hidden, 0);
}

/** Where a cell lies, counted from 0. */
export function placeOf(cell: number, { columns }: Grid): { row: number; column: number } {
  return { row: Math.floor(cell / columns), column: cell % columns };
}
