import { expect, test } from "vitest";
import { z } from "zod";
import { checked } from "../src/checked.js";
import { ConfigError } from "../src/errors.js";

const schema = z.strictObject({
  share: z.number().max(1),
  sides: z.array(z.int()),
  kind: z.enum(["a", "b"]).optional(),
});
const right = { share: 0.5, sides: [1] };

function refused(value: unknown, where?: string, remedy?: string): ConfigError {
  try {
    checked(schema, value, where, remedy);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

test("gives what the schema makes of the value", () => {
  expect(checked(schema, right)).toEqual(right);
});

test.each([
  [{ ...right, share: "x" }, "share", 'expected number, got "x".', "number", "x"],
  [{ ...right, sides: [1, 2.5] }, "sides.1", "expected int, got 2.5.", "int", 2.5],
  [{ ...right, share: 75 }, "share", "expected number to be <=1, got 75. Did you mean 0.75?", "number to be <=1", 75],
  [{ ...right, kind: "c" }, "kind", 'expected one of "a"|"b", got "c".', 'one of "a"|"b"', "c"],
  [{ sides: 3 }, "share", "expected number (and 1 more), got undefined.", "number", undefined],
])("%j: where, what was expected, what came", (value, path, text, expected, actual) => {
  const error = refused(value);
  expect(error).toMatchObject({ code: "config", path, expected });
  expect(error.actual).toBe(actual);
  expect(error.message).toBe(`in ${path}: ${text}`);
});

test("an unknown key is named, below where the value stands, with what to do", () => {
  const error = refused({ ...right, shares: 1 }, "data.source", "See the guide.");
  expect(error.message).toBe("in data.source: there is no key shares. See the guide.");
  expect(error).toMatchObject({
    code: "unknown-key",
    path: "data.source",
    actual: ["shares"],
    remedy: "See the guide.",
  });
});
