import { readdirSync } from "node:fs";
import { join } from "node:path";
import { InvalidArgumentError } from "commander";
import { expect, test } from "vitest";
import { checkOut, positiveNumber, wholeNumber } from "../../src/cli/options.js";
import { temporaryFolder } from "./terminal.js";

test("numbers of options are checked", () => {
  expect([wholeNumber("0"), positiveNumber("0.5")]).toEqual([0, 0.5]);
  for (const text of ["-1", "1.5", "x", ""]) expect(() => wholeNumber(text)).toThrow(InvalidArgumentError);
  for (const text of ["-1", "0", "x"]) expect(() => positiveNumber(text)).toThrow(InvalidArgumentError);
});

test("what will be written is looked at first: its ending, its place", async () => {
  const folder = temporaryFolder();
  expect(await checkOut(join(folder, "a.NPY"), "--out", [".npy", ".csv"])).toBe(".npy");
  const refused = checkOut("a.txt", "--out", [".npy", ".csv"]);
  await expect(refused).rejects.toThrow("in --out: expected a file that ends in .npy, .csv, got a.txt.");
  await expect(checkOut(join(folder, "none", "a.csv"), "--out", [".csv"])).rejects.toThrow(
    /a path that is there, got none/,
  );
  expect(readdirSync(folder)).toEqual([]);
});
