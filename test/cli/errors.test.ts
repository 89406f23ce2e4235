import { expect, test } from "vitest";
import { z } from "zod";
import { errorData, errorText, exitCodeOf, exitCodes, UsageError } from "../../src/cli/errors.js";
import { ConfigError } from "../../src/errors.js";

const usage = new UsageError({ code: "x", path: "--out", expected: "a file", actual: "none", remedy: "Give one." });

test("an error is a line: name, where, expected, came, what to do", () => {
  expect(errorText(usage)).toBe("UsageError in --out: expected a file, got none. Give one.");
  const config = new ConfigError({
    problem: "a share, got 75.",
    code: "c",
    path: "method.maskRatio",
    expected: "a share",
    actual: 75,
    remedy: "Did you mean 0.75?",
  });
  expect(errorText(config)).toBe("ConfigError in method.maskRatio: a share, got 75. Did you mean 0.75?");
  expect(errorText(new RangeError("too far"))).toBe("RangeError: too far");
  expect(errorText("thrown text")).toBe("Error: thrown text");
});

test("an error of a schema says where", () => {
  const { error } = z.object({ path: z.string() }).safeParse({ path: 3 });
  expect(errorText(error)).toMatch(/^ConfigError in path: Invalid input: expected string, received number\.$/);
});

test("of an error and a second one while closing, the first is said", () => {
  // As compiled `using` throws it, where the language does not know it yet.
  const both = Object.assign(new Error("An error was suppressed during disposal."), {
    name: "SuppressedError",
    error: new Error("second"),
    suppressed: usage,
  });
  const three = Object.assign(new Error("x"), { name: "SuppressedError", error: new Error("third"), suppressed: both });
  for (const error of [both, three]) {
    expect(errorText(error)).toBe("UsageError in --out: expected a file, got none. Give one.");
    expect([errorData(error), exitCodeOf(error)]).toEqual([errorData(usage), exitCodes.usage]);
  }
});

test("usage errors end with 2, others with 1", () => {
  expect(exitCodeOf(usage)).toBe(exitCodes.usage);
  expect(exitCodeOf(new Error("x"))).toBe(exitCodes.failed);
});

test("as data it keeps all fields", () => {
  const fields = { code: "x", path: "--out", expected: "a file", actual: "none", remedy: "Give one." };
  expect(errorData(usage)).toEqual({ error: { name: "UsageError", ...fields, message: usage.message } });
  expect(errorData(new RangeError("x"))).toEqual({ error: { name: "RangeError", message: "x" } });
});
