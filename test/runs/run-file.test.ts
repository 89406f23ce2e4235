import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isRunFolder, readRunFile } from "../../src/runs/run-file.js";
import { formatRun } from "../../src/runs/schema.js";
import { exampleRun, temporaryFolders } from "./example.js";

const newFolder = temporaryFolders();

function folderWith(text?: string): string {
  const folder = newFolder();
  mkdirSync(folder);
  if (text !== undefined) writeFileSync(join(folder, "run.json"), text);
  return folder;
}

test("a run is read, and a folder without one is named", () => {
  const folder = folderWith(formatRun(exampleRun()));
  expect(readRunFile(folder)).toEqual(exampleRun());
  const without = folderWith();
  const expected = { code: "not-a-run", path: without, expected: "a run folder, with run.json" };
  expect(() => readRunFile(without)).toThrow(expect.objectContaining(expected));
  expect(() => readRunFile(join(folder, "run.json"))).toThrow(expect.objectContaining({ code: "not-a-run" }));
  expect(() => readRunFile(folderWith("{"))).toThrow(expect.objectContaining({ code: "bad-run-file" }));
});

test("a folder is known for a run also when its version is not ours, and never on the name of a file alone", () => {
  expect(isRunFolder(folderWith(formatRun(exampleRun())))).toBe(true);
  expect(isRunFolder(folderWith('{"formatVersion":9,"config":{}}'))).toBe(true);
  expect(isRunFolder(folderWith('{"scripts":{}}'))).toBe(false);
  expect(isRunFolder(folderWith("null"))).toBe(false);
  expect(isRunFolder(folderWith())).toBe(false);
});
