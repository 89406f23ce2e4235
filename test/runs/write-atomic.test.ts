import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isTemporary, removeTemporaries, replaceAtomically, writeAtomic } from "../../src/runs/write-atomic.js";
import { temporaryFolders } from "./example.js";

const newFolder = temporaryFolders();
function folder(): string {
  const path = newFolder();
  mkdirSync(path);
  return path;
}

test("a file is replaced and nothing else is left", () => {
  const place = folder();
  writeAtomic(join(place, "a"), "first");
  writeAtomic(join(place, "a"), Uint8Array.of(1, 2, 3));
  expect([...readFileSync(join(place, "a"))]).toEqual([1, 2, 3]);
  expect(readdirSync(place)).toEqual(["a"]);
});

test("when the writing fails the old file is as it was and no temporary one stays", () => {
  const place = folder();
  writeAtomic(join(place, "a"), "old");
  const fail = (): void =>
    replaceAtomically(join(place, "a"), (temporary) => {
      writeFileSync(temporary, "half of the n");
      throw new TypeError("mine");
    });
  expect(fail).toThrow(new TypeError("mine"));
  expect(readFileSync(join(place, "a"), "utf8")).toBe("old");
  expect(readdirSync(place)).toEqual(["a"]);
});

test("a full disk is named as such and leaves the old file", () => {
  const place = folder();
  writeAtomic(join(place, "a"), "old");
  const fill = (): void =>
    replaceAtomically(join(place, "a"), (temporary) => {
      symlinkSync("/dev/full", temporary);
      writeFileSync(temporary, "new");
    });
  expect(fill).toThrow(expect.objectContaining({ code: "no-space", path: join(place, "a") }));
  expect(readFileSync(join(place, "a"), "utf8")).toBe("old");
  expect(readdirSync(place)).toEqual(["a"]);
});

test("a folder that is not there is the system's error", () => {
  const path = join(folder(), "none", "a");
  expect(() => writeAtomic(path, "x")).toThrow(expect.objectContaining({ code: "system", path }));
});

test("what killed writers left is removed, at any depth, and nothing else", () => {
  const place = folder();
  mkdirSync(join(place, "checkpoints"));
  const left = ["run.json.tmp-12-0123abcd", join("checkpoints", "9.safetensors.tmp-999-ffffffff")];
  const kept = ["run.json", "notes.tmp", join("checkpoints", "a.tmp-x-0123abcd")];
  for (const name of [...left, ...kept]) writeFileSync(join(place, name), "");
  removeTemporaries(place);
  expect(left.some((name) => existsSync(join(place, name)))).toBe(false);
  expect(kept.every((name) => existsSync(join(place, name)))).toBe(true);
  expect(isTemporary("a.tmp-1-0123abcd") && !isTemporary("a.tmp-1-0123abcd.txt")).toBe(true);
  rmSync(place, { recursive: true });
});
