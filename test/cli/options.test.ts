import { InvalidArgumentError } from "commander";
import { expect, test } from "vitest";
import { positiveNumber, wholeNumber } from "../../src/cli/options.js";

test("numbers of options are checked", () => {
  expect([wholeNumber("0"), positiveNumber("0.5")]).toEqual([0, 0.5]);
  for (const text of ["-1", "1.5", "x", ""]) expect(() => wholeNumber(text)).toThrow(InvalidArgumentError);
  for (const text of ["-1", "0", "x"]) expect(() => positiveNumber(text)).toThrow(InvalidArgumentError);
});
