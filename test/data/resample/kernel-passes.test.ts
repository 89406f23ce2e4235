import fc from "fast-check";
import { expect, test } from "vitest";
import { resampleWithKernel } from "../../../src/data/resample/kernel-passes.js";
import { type Plan, type Plane, resamplePlane } from "../../../src/data/resample/passes.js";
import { weightsOf } from "../../../src/data/resample/weights.js";
import { picture } from "../transform-numbers.js";

function planOf(plane: Plane, height: number, width: number, verticalFirst: boolean): Plan {
  const columns = width === plane.width ? undefined : weightsOf(plane.width, 0, plane.width, width);
  const rows = height === plane.height ? undefined : weightsOf(plane.height, 0, plane.height, height);
  return { height, width, columns, rows, verticalFirst: verticalFirst && rows !== undefined };
}

const side = fc.integer({ min: 1, max: 90 });

test("equal to the passes in JavaScript to the bit, for any window, size and order of passes", () => {
  fc.assert(
    fc.property(
      side,
      side,
      side,
      side,
      fc.constantFrom(3, 4),
      fc.boolean(),
      fc.nat(),
      (h, w, height, width, channels, first, seed) => {
        const source = picture(h + 3, w + 2, channels, seed);
        const rowBytes = source.width * channels;
        const plane: Plane = {
          data: source.data,
          offset: 2 * rowBytes + channels,
          rowBytes,
          height: h,
          width: w,
          channels,
        };
        const plan = planOf(plane, height, width, first);
        if (plan.columns === undefined && plan.rows === undefined) return;
        const fast = resampleWithKernel(plane, plan);
        expect(fast).toBeDefined();
        expect(Buffer.compare(fast as Uint8Array, resamplePlane(plane, plan))).toBe(0);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test("declines what does not suit it", () => {
  const grey: Plane = { ...picture(8, 8, 1, 0), offset: 0, rowBytes: 8 };
  expect(resampleWithKernel(grey, planOf(grey, 4, 4, false))).toBeUndefined();
  const huge: Plane = { data: new Uint8Array(0), offset: 0, rowBytes: 15000, height: 5000, width: 5000, channels: 3 };
  expect(resampleWithKernel(huge, planOf(huge, 4, 4, false))).toBeUndefined();
});

test("its memory moves when it grows, and earlier results stay", () => {
  const small: Plane = { ...picture(9, 9, 3, 1), offset: 0, rowBytes: 27 };
  const large: Plane = { ...picture(1300, 1300, 3, 2), offset: 0, rowBytes: 3900 };
  const plan = planOf(small, 5, 4, false);
  const before = resampleWithKernel(small, plan) as Uint8Array;
  const copy = before.slice();
  const enlarged = resampleWithKernel(large, planOf(large, 700, 600, false)) as Uint8Array;
  expect(Buffer.compare(enlarged, resamplePlane(large, planOf(large, 700, 600, false)))).toBe(0);
  expect(Buffer.compare(before, copy)).toBe(0);
  expect(Buffer.compare(resampleWithKernel(small, plan) as Uint8Array, copy)).toBe(0);
});
