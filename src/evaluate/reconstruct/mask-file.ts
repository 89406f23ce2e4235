/** Masks that a person writes: which patches of a picture the model may see. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { ConfigError } from "../../errors.js";

const schema = z.union([z.array(z.int().min(0)).min(1), z.array(z.array(z.literal([0, 1])).min(1)).min(1)]);

/**
 * Reads a mask: a list of the visible patches' numbers, row by row from 0 at the top left, or a grid of rows with 1 for
 * hidden and 0 for visible as in MAE's code. @returns the visible patches, rising
 * @throws ConfigError where it does not fit the model's grid of patches
 */
export function readMask(path: string, [rows, columns]: readonly [number, number]): number[] {
  const written = parse(path);
  const patches = rows * columns;
  const visible = isGrid(written) ? ofGrid(path, written, [rows, columns]) : [...new Set(written)];
  const beyond = visible.find((patch) => patch >= patches);
  if (beyond !== undefined) {
    throw refuse(path, `patches from 0 to ${patches - 1} (${rows} rows of ${columns})`, `${beyond}`);
  }
  if (visible.length === 0 || visible.length === patches)
    throw refuse(path, "some patches visible and some hidden", `${visible.length} of ${patches} visible`);
  return visible.sort((a, b) => a - b);
}

function parse(path: string): z.output<typeof schema> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw refuse(path, "a mask in JSON", (error as Error).message.replace(/\.$/, ""));
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw refuse(path, "[visible patches, …] or rows of 0 and 1", JSON.stringify(value).slice(0, 60));
}

const isGrid = (mask: z.output<typeof schema>): mask is (0 | 1)[][] => Array.isArray(mask[0]);

function ofGrid(path: string, grid: readonly (readonly (0 | 1)[])[], [rows, columns]: [number, number]): number[] {
  if (grid.length !== rows || grid.some((row) => row.length !== columns)) {
    const actual = `${grid.length} rows of ${[...new Set(grid.map((row) => row.length))].join(" and ")}`;
    throw refuse(path, `${rows} rows of ${columns}, one number a patch`, actual);
  }
  return grid.flat().flatMap((hidden, patch) => (hidden === 0 ? [patch] : []));
}

function refuse(path: string, expected: string, actual: string): ConfigError {
  return new ConfigError({ code: "mask", path, expected, actual });
}
