import { expect, test } from "vitest";
import { excerpt, FormatError } from "../../src/formats/errors.js";

test("the message says where, what was expected, what came and what to do", () => {
  const cause = new Error("underneath");
  const detail = {
    code: "truncated",
    path: "a.npy",
    expected: "96 bytes",
    actual: "95",
    remedy: "Copy it again.",
  } as const;
  const error = new FormatError({ ...detail, cause });
  expect(String(error)).toBe("FormatError in a.npy: expected 96 bytes, got 95. Copy it again.");
  expect(error).toMatchObject({ code: "truncated", path: "a.npy", expected: "96 bytes", actual: "95", cause });
  expect(error).toBeInstanceOf(Error);
});

test("an excerpt is one short line whatever it is made of", () => {
  expect(excerpt("a\nb\u0000")).toBe('"a\\nb\\u0000"');
  expect(excerpt("x".repeat(1000))).toHaveLength(63);
});
