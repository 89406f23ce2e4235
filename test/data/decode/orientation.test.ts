import { describe, expect, it } from "vitest";
import { orient } from "../../../src/data/decode/orientation.js";

// 2 rows of 3 pixels of 2 channels, the second channel 10 above the first:  1 2 3 / 4 5 6
const stored = {
  data: Uint8Array.from([1, 2, 3, 4, 5, 6].flatMap((value) => [value, value + 10])),
  width: 3,
  height: 2,
  channels: 2,
};

// EXIF 2.32, figure of tag Orientation: where the stored first row and column belong.
const upright: Readonly<Record<number, string>> = {
  1: "123/456",
  2: "321/654",
  3: "654/321",
  4: "456/123",
  5: "14/25/36",
  6: "41/52/63",
  7: "63/52/41",
  8: "36/25/14",
};

describe("orient", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("orientation %i", (orientation) => {
    const { data, width, height, channels } = orient(stored, orientation);
    const rows = Array.from({ length: height }, (_, y) =>
      Array.from({ length: width }, (_, x) => data[(y * width + x) * channels]).join(""),
    );
    expect(rows.join("/")).toBe(upright[orientation]);
    expect(data.every((value, i) => i % 2 === 0 || value === (data[i - 1] as number) + 10)).toBe(true);
  });

  it("leaves a picture alone when there is nothing to do", () => {
    for (const orientation of [0, 1, 9]) expect(orient(stored, orientation)).toBe(stored);
  });
});
