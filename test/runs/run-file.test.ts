import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isRunFolder, readRunFile, runFoldersIn } from "../../src/runs/run-file.js";
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

test("a folder of runs stands for those in it, numbers in their order", () => {
  const folder = folderWith();
  for (const name of ["run-10", "run-9", "notes"]) mkdirSync(join(folder, name));
  for (const name of ["run-10", "run-9"]) writeFileSync(join(folder, name, "run.json"), formatRun(exampleRun()));
  writeFileSync(join(folder, "table.csv"), "");
  expect(runFoldersIn(folder)).toEqual([join(folder, "run-9"), join(folder, "run-10")]);
  expect(runFoldersIn(join(folder, "run-9"))).toEqual([join(folder, "run-9")]);
  const none = (path: string, actual: string) =>
    expect(() => runFoldersIn(path)).toThrow(expect.objectContaining({ code: "not-a-run", path, actual }));
  none(join(folder, "notes"), "none there");
  none(join(folder, "table.csv"), "a file");
  none(join(folder, "missing"), "nothing there");
});
