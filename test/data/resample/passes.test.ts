import { expect, test } from "vitest";
import { type Plan, type Plane, resamplePlane, rowsRead } from "../../../src/data/resample/passes.js";
import { weightsOf } from "../../../src/data/resample/weights.js";
import { expectStored, numbers, picture } from "../transform-numbers.js";

/** Pictures of three channels go through the kernels elsewhere: here, Pillow's numbers hold the slower passes. */
test.each(numbers.resize.filter(({ input, size }) => input[0] !== size[0] || input[1] !== size[1]))(
  "resize $input -> $size in JavaScript",
  (stored) => {
    const [height, width] = stored.size;
    const source = picture(...stored.input);
    const plane: Plane = { ...source, offset: 0, rowBytes: source.width * source.channels };
    const plan: Plan = {
      ...{ height, width, verticalFirst: source.height - height > Math.max(0, 2 * (source.width - width)) },
      columns: width === source.width ? undefined : weightsOf(source.width, 0, source.width, width),
      rows: height === source.height ? undefined : weightsOf(source.height, 0, source.height, height),
    };
    expectStored({ data: resamplePlane(plane, plan), height, width, channels: source.channels }, stored);
  },
);

test("only the rows that reach the result are read", () => {
  const plane: Plane = { ...picture(100, 10, 1, 0), offset: 0, rowBytes: 10 };
  const rows = weightsOf(100, 40, 60, 10);
  const plan: Plan = { height: 10, width: 10, columns: undefined, rows, verticalFirst: false };
  expect(rowsRead(plane, plan)).toEqual({ first: 37, count: 26 });
  expect(rowsRead(plane, { ...plan, rows: undefined })).toEqual({ first: 0, count: 100 });
});
