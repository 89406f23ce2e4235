import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { paintColours, paintHeat } from "../../../src/evaluate/attend/paint.js";
import { tensor } from "../../../src/tensor/tensor.js";

const pixel = (bytes: Uint8Array, at: number): number[] => [...bytes.subarray(3 * at, 3 * at + 3)];

test("heat: viridis from the least of each map to its most, every place a block", () =>
  scope(() => {
    const maps = tensor(Float32Array.of(0, 1, 2, 4, 8, 8, 8, 8), [2, 2, 2]); // the second is the same everywhere
    const bytes = paintHeat(maps, [4, 6]);
    expect(bytes).toHaveLength(2 * 4 * 6 * 3);
    const [dark, bright] = [
      [68, 1, 84],
      [253, 231, 37],
    ];
    for (const at of [0, 1, 2, 6, 8]) expect(pixel(bytes, at)).toEqual(dark); // the block of 2 × 3 at the top left
    expect(pixel(bytes, 3)).toEqual([59, 82, 139]); // 1 of 4: viridis' first quarter
    expect(pixel(bytes, 12)).toEqual([33, 145, 140]);
    expect(pixel(bytes, 23)).toEqual(bright);
    for (let at = 24; at < 48; at++) expect(pixel(bytes, at)).toEqual(dark);
  }));

test("colours: three numbers as red, green and blue, from the least to the most of all pictures; what is missing is dark", () =>
  scope(() => {
    const maps = tensor(Float32Array.of(0, 5, -1, 2, 10, -1), [2, 1, 1, 3]);
    const bytes = paintColours(maps, [1, 1]);
    expect([pixel(bytes, 0), pixel(bytes, 1)]).toEqual([
      [0, 0, 0],
      [255, 255, 0],
    ]);
    expect(pixel(paintColours(tensor(Float32Array.of(1, 3), [1, 1, 2, 1]), [1, 2]), 1)).toEqual([255, 0, 0]);
  }));
