import { expect, test } from "vitest";
import { csvCell } from "../../src/formats/csv.js";

test("commas, quotes and line ends stay in their cell; all else stays as it is", () => {
  expect(["a/b c.jpg", "a,b", 'the "x"', "two\nlines", "r\rn"].map(csvCell)).toEqual([
    "a/b c.jpg",
    '"a,b"',
    '"the ""x"""',
    '"two\nlines"',
    '"r\rn"',
  ]);
});
