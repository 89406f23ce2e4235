import { openSync } from "node:fs";
import { expect, test } from "vitest";
import { FileError, onDisk, RunError, systemCode } from "../../src/runs/errors.js";

test("the message says where, what was expected, what came and what to do", () => {
  const detail = {
    code: "run-exists",
    path: "runs/a",
    expected: "no run",
    actual: "one",
    remedy: "Resume it.",
  } as const;
  const error = new RunError(detail);
  expect(String(error)).toBe("RunError in runs/a: expected no run, got one. Resume it.");
  expect(error).toMatchObject({ code: "run-exists", path: "runs/a", expected: "no run", actual: "one" });
});

test("onDisk names what the system refused and lets other errors pass", () => {
  expect(onDisk("x", () => 7)).toBe(7);
  const missing = (): unknown => onDisk("x", () => openSync("/no/such/file", "r"));
  expect(missing).toThrow(
    expect.objectContaining({ code: "system", path: "x", cause: expect.objectContaining({ code: "ENOENT" }) }),
  );
  const mine = new TypeError("mine");
  expect(() =>
    onDisk("x", () => {
      throw mine;
    }),
  ).toThrow(mine);
});

test.each(["ENOSPC", "EDQUOT"])("%s is a full disk, with what to do", (code) => {
  const full = Object.assign(new Error("no space left"), { code, syscall: "write" });
  const write = (): unknown =>
    onDisk("events.jsonl", () => {
      throw full;
    });
  expect(write).toThrow(
    /events\.jsonl: expected room on the disk, got no space left.*Free some space, or choose another place.*untouched/,
  );
  expect(write).toThrow(expect.objectContaining({ code: "no-space" }));
  expect([systemCode(full), systemCode(new Error("x")), systemCode("ENOENT")]).toEqual([code, undefined, undefined]);
});

const refused = (code: string): Error =>
  Object.assign(new Error(`${code}: words of Node, open '/x.tmp-1-00000000'`), { code, syscall: "open" });
const thrower = (error: Error) => (): never => {
  throw error;
};

test.each([
  ["EACCES", "a place that you may read and write, got no permission (EACCES). Change"],
  ["EROFS", "a place that can be written to, got a read-only disk (EROFS). Choose"],
  ["ENOENT", "a path that is there, got none (ENOENT). Check it"],
  ["ENOTDIR", "a folder, got a file in its place (ENOTDIR). Choose"],
  ["EISDIR", "a file, got a folder (EISDIR). Choose"],
])("%s says where, what and what to do, in words, and no temporary name", (code, words) => {
  const act = (): unknown => onDisk("out.onnx", thrower(refused(code)));
  expect(act).toThrow(FileError);
  expect(act).toThrow(expect.objectContaining({ message: expect.stringContaining(`in out.onnx: expected ${words}`) }));
});

test("what the system refused below another error is said of the file that was to be written; a FileError stays", () => {
  const below = new TypeError("cannot write x.tmp-1-00000000", { cause: refused("ENOSPC") });
  expect(() => onDisk("out.onnx", thrower(below))).toThrow(
    expect.objectContaining({ name: "FileError", code: "no-space", path: "out.onnx" }),
  );
  expect(() => onDisk("outer", () => onDisk("inner", thrower(refused("EROFS"))))).toThrow(
    expect.objectContaining({ path: "inner" }),
  );
});
