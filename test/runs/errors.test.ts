import { openSync } from "node:fs";
import { expect, test } from "vitest";
import { onDisk, RunError, systemCode } from "../../src/runs/errors.js";

test("the message says where, what was expected, what came and what to do", () => {
  const detail = {
    code: "run-exists",
    path: "runs/a",
    expected: "no run",
    actual: "one",
    advice: "Resume it.",
  } as const;
  const error = new RunError(detail);
  expect(String(error)).toBe("RunError: in runs/a: expected no run, got one. Resume it.");
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
    /events\.jsonl: expected room on the disk, got no space left.*untouched.*Free some space and resume/,
  );
  expect(write).toThrow(expect.objectContaining({ code: "no-space" }));
  expect([systemCode(full), systemCode(new Error("x")), systemCode("ENOENT")]).toEqual([code, undefined, undefined]);
});
