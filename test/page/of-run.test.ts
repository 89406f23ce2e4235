import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pageOf } from "../../src/page/of-run.js";

let run: string;
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "lacuna-page-of-run-"));
});
afterEach(() => rmSync(run, { recursive: true }));

/** Writes a file of the run that is so many seconds old. */
function write(path: string, age: number): void {
  mkdirSync(join(run, path, ".."), { recursive: true });
  writeFileSync(join(run, path), "{}");
  const time = 1.7e9 - age;
  utimesSync(join(run, path), time, time);
}

test("a run without weights has no page, one with weights has one to be made", () => {
  expect(pageOf(run)).toBeUndefined();
  mkdirSync(join(run, "checkpoints"));
  symlinkSync("gone", join(run, "checkpoints", "step-2.safetensors"));
  expect(pageOf(run)).toBeUndefined();
  write("checkpoints/step-1.safetensors", 100);
  expect(pageOf(run)).toEqual({ folder: join(run, "page"), isCurrent: false });
});

test("a page is current until newer weights are written, and as a folder of its own always", () => {
  write("checkpoints/step-1.safetensors", 100);
  write("page/page.json", 90);
  expect(pageOf(run)).toEqual({ folder: join(run, "page"), isCurrent: true });
  write("checkpoints/step-2.safetensors", 80);
  write("checkpoints/notes.txt", 0);
  expect(pageOf(run)).toEqual({ folder: join(run, "page"), isCurrent: false });
  write("page/page.json", 80);
  expect(pageOf(run)).toMatchObject({ isCurrent: true });
  const page = join(run, "page");
  expect(pageOf(page)).toEqual({ folder: page, isCurrent: true });
});
