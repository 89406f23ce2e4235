import { expect, test } from "vitest";
import { readBlocks } from "../../../src/cli/measure/blocks.js";

test("numbers with lengths; as many as there are is all; what is named twice counts once", () => {
  expect(readBlocks("0:90, ½ ,0.5,4:50,all:50,all", 4)).toEqual([
    { blocks: 0, epochs: 90 },
    { blocks: 0.5, epochs: undefined },
    { blocks: "all", epochs: 50 },
    { blocks: "all", epochs: undefined },
  ]);
});

test.each(["5", "1.5", "-1", "half", "1,,2", "", "1:", "1:0", "1:x"])("refused: %j", (text) => {
  expect(() => readBlocks(text, 4)).toThrow(/in --blocks: expected numbers from 0 to 4, 0.5 or all/);
});
