import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  AtomicFile,
  checkWritable,
  isTemporary,
  makeFolder,
  removeTemporaries,
  replaceAtomically,
  writeAtomic,
} from "../../src/runs/write-atomic.js";
import { fill, mayMount, readOnly, smallDisk } from "../disk.js";
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

test("a file in pieces appears when it is committed; one that is not leaves nothing", () => {
  const place = folder();
  const path = join(place, "a");
  writeAtomic(path, "old");
  {
    using file = new AtomicFile(path);
    file.write("1234");
    file.write("56");
    file.write("ab", 1);
    expect([file.size, readFileSync(path, "utf8")]).toEqual([6, "old"]);
  }
  expect([readdirSync(place), readFileSync(path, "utf8")]).toEqual([["a"], "old"]);
  using file = new AtomicFile(path);
  file.write("1234");
  file.write("ab", 1);
  AtomicFile.commit(file);
  expect([readdirSync(place), readFileSync(path, "utf8")]).toEqual([["a"], "1ab4"]);
});

test("a device is written to and stays what it is", () => {
  const path = join(folder(), "null");
  symlinkSync("/dev/null", path);
  writeAtomic(path, "gone");
  replaceAtomically(path, (given) => writeFileSync(given, "gone"));
  expect(statSync(path).isCharacterDevice()).toBe(true);
  expect(() => writeAtomic("/dev/full", "x")).toThrow(expect.objectContaining({ code: "no-space", path: "/dev/full" }));
});

test("whether a file can be written is known before it is", () => {
  const place = folder();
  writeFileSync(join(place, "a"), "here");
  for (const good of [join(place, "a"), join(place, "new"), "/dev/null"]) checkWritable(good);
  expect(readFileSync(join(place, "a"), "utf8")).toBe("here");
  const refuse = (path: string, words: RegExp): void => expect(() => checkWritable(path)).toThrow(words);
  refuse(join(place, "none", "b"), /none\/b: expected a path that is there, got none/);
  refuse(join(place, "a", "b"), /a\/b: expected a folder, got a file in its place/);
  refuse(place, /expected a file, got a folder/);
  expect(() => makeFolder(join(place, "a", "b"))).toThrow(/expected a folder, got a file in its place/);
  expect(readdirSync(place)).toEqual(["a"]);
});

test.skipIf(!mayMount)("files that belong together: on a full disk both old ones stay, and nothing else", () => {
  const disk = smallDisk(64);
  const [a, b] = [join(disk, "a"), join(disk, "b")];
  writeAtomic(a, "old a");
  writeAtomic(b, "old b");
  const write = (): void => {
    using first = new AtomicFile(a);
    using second = new AtomicFile(b);
    first.write("new a");
    second.write(new Uint8Array(100_000));
    AtomicFile.commit(first, second);
  };
  expect(write).toThrow(expect.objectContaining({ code: "no-space", path: b }));
  const free = fill(disk);
  expect(() => writeAtomic(a, new Uint8Array(5000))).toThrow(/expected room on the disk/);
  free();
  expect([a, b].map((path) => readFileSync(path, "utf8"))).toEqual(["old a", "old b"]);
  expect(readdirSync(disk).sort()).toEqual(["a", "b"]);
});

test.skipIf(!mayMount)("a read-only disk is named as such", () => {
  const view = readOnly(folder());
  for (const act of [() => writeAtomic(join(view, "a"), "x"), () => checkWritable(join(view, "a"))])
    expect(act).toThrow(/expected a place that can be written to, got a read-only disk \(EROFS\)/);
  expect(() => makeFolder(join(view, "b"))).toThrow(/read-only disk/);
});
