import { expect, test } from "vitest";
import { liveTensors, scope } from "../../src/engine/scope.js";
import { emptyBatch, viewSizes } from "../../src/plan/example-batch.js";

const crop = (side: number) =>
  [{ type: "randomResizedCrop", size: [side, side], scale: [0.2, 1], ratio: [3 / 4, 4 / 3] }] as const;

test("views of several sizes and the columns that are asked for, with nothing allocated", () => {
  const views = { large: crop(32), small: { transform: crop(16), key: "large" } };
  const config = { data: { imageSize: 32, channels: 4 } };
  const live = liveTensors();
  scope(() => {
    const batch = emptyBatch({ views, columns: ["label"] }, config, 3);
    expect(Object.fromEntries(Object.entries(batch).map(([name, { shape }]) => [name, shape]))).toEqual({
      large: [3, 4, 32, 32],
      small: [3, 4, 16, 16],
      label: [3],
    });
    expect([batch["large"]?.device, batch["label"]?.dtype]).toEqual(["meta", "int64"]);
  });
  expect(liveTensors()).toBe(live);
});

test("a view that starts from another one's pixels has that one's size, unless it takes one of its own", () => {
  const views = { large: crop(32), plain: { transform: [], of: "large" }, small: { transform: crop(16), of: "large" } };
  expect(viewSizes(views)).toEqual({ large: [32, 32], plain: [32, 32], small: [16, 16] });
});

test("a view whose size depends on the picture is named", () => {
  expect(() => viewSizes({ odd: [{ type: "resize", size: 20 }] })).toThrow("the view odd has no size of its own");
});
