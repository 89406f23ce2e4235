import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { forgetNotes, Note, notedPaths } from "../../../src/data/loader/notes.js";
import { fill, mayMount, readOnly, smallDisk } from "../../disk.js";
import { temporaryFolder } from "../loader-sources.js";

test("notes are read back while they stand, other files are left alone", () => {
  const folder = path.join(temporaryFolder(), "made", "when needed");
  const notes = [new Note(folder, 0), new Note(folder, 1), new Note(folder, 12)];
  writeFileSync(path.join(folder, "worker-notes.txt"), "not ours");
  notes[0]?.write("/a/long path that is/overwritten.jpg");
  notes[0]?.clear();
  notes[0]?.write("/a/ü.jpg");
  notes[2]?.write("/b.png");
  expect(notedPaths(folder)).toEqual(["/a/ü.jpg", "/b.png"]);
  notes[2]?.clear();
  notes[0]?.close();
  notes[0]?.clear();
  notes[0]?.close();
  // What stood there when the process ended is read until a new worker begins.
  expect(notedPaths(folder)).toEqual(["/a/ü.jpg"]);
  new Note(folder, 0).close();
  expect(notedPaths(folder)).toEqual([]);
  notes[1]?.write("/c.png");
  forgetNotes(folder);
  expect(notedPaths(folder)).toEqual([]);
  expect(readFileSync(path.join(folder, "worker-notes.txt"), "utf8")).toBe("not ours");
  for (const note of notes.slice(1)) note.close();
  rmSync(folder, { recursive: true });
});

test("no folder, no notes; something else in its place is an error", () => {
  expect(notedPaths("/not/there")).toEqual([]);
  expect(() => forgetNotes("/not/there")).not.toThrow();
  const file = path.join(temporaryFolder(), "file");
  writeFileSync(file, "");
  expect(() => notedPaths(file)).toThrow("ENOTDIR");
});

test.skipIf(!mayMount)("a full or read-only disk leaves pictures unnoted and stops nothing", () => {
  const disk = smallDisk(64);
  const note = new Note(disk, 0);
  const free = fill(disk);
  for (const one of [note, new Note(readOnly(disk), 1)]) {
    one.write("/a.png");
    one.clear();
    one.close();
  }
  free();
  expect(notedPaths(disk)).toEqual([]);
});
