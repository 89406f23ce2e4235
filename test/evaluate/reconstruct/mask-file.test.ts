import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readMask } from "../../../src/evaluate/reconstruct/mask-file.js";
import { temporaryFolder } from "../../cli/terminal.js";

function read(text: string): number[] {
  const path = join(temporaryFolder(), "mask.json");
  writeFileSync(path, text);
  return readMask(path, [2, 3]);
}

test("visible patches by number, once each and in order", () => {
  expect(read("[4, 0, 4]")).toEqual([0, 4]);
});

test("rows with 1 for hidden, as in MAE's code", () => {
  expect(read("[[1,0,1],[1,1,0]]")).toEqual([1, 5]);
});

test("what does not fit the grid is refused", () => {
  expect(() => read("[6]")).toThrow(/patches from 0 to 5 \(2 rows of 3\), got 6/);
  expect(() => read("[[1,0],[1,1]]")).toThrow(/2 rows of 3, one number a patch, got 2 rows of 2/);
  expect(() => read("[[1,1,1],[1,1,1]]")).toThrow(/some patches visible and some hidden, got 0 of 6/);
  expect(() => read("[0,1,2,3,4,5]")).toThrow(/got 6 of 6 visible/);
  expect(() => read("[[2,0,1],[1,1,0]]")).toThrow(/rows of 0 and 1/);
  expect(() => read("{}")).toThrow(/rows of 0 and 1/);
  expect(() => read("[")).toThrow(/a mask in JSON/);
});
