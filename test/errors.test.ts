import { describe, expect, test } from "vitest";
import { type ErrorDetails, LacunaError } from "../src/errors.js";

const details: ErrorDetails = { code: "range", path: "maskRatio", expected: "0 to 1", actual: 75 };

describe("LacunaError", () => {
  test("is data first, and a text of one shape: where, expected, came, what to do", () => {
    const error = new LacunaError({ ...details, remedy: "Did you mean 0.75?" });
    expect(error.message).toBe("in maskRatio: expected 0 to 1, got 75. Did you mean 0.75?");
    expect(error).toMatchObject({ name: "LacunaError", ...details, remedy: "Did you mean 0.75?" });
    expect(`${error}`).toBe("LacunaError in maskRatio: expected 0 to 1, got 75. Did you mean 0.75?");
    expect(error).toBeInstanceOf(Error);
  });

  test("says a sentence of its own instead of expected and actual", () => {
    const error = new LacunaError({ ...details, path: undefined, problem: "75 is no share." });
    expect(`${error}`).toBe("LacunaError: 75 is no share.");
    expect(error).toMatchObject({ path: "", remedy: "", expected: "0 to 1", actual: 75 });
  });

  test.each([
    [["a", 3], "[a 3]"],
    [{ heads: 3 }, '{"heads":3}'],
    [undefined, "undefined"],
    [null, "null"],
    [[], "[]"],
  ])("%j in its text is %s", (actual, words) => {
    expect(new LacunaError({ code: "c", expected: "x", actual }).message).toBe(`expected x, got ${words}.`);
  });

  test("parents add their keys, innermost last", () => {
    const error = new LacunaError({ code: "shape", expected: ["…", 192], actual: [64, 256], problem: "no." });
    expect(error.message).toBe("no.");
    const same = error.within("qkv").within("attn").within("blocks.1");
    expect(same).toBe(error);
    expect([error.path, error.message]).toEqual(["blocks.1.attn.qkv", "in blocks.1.attn.qkv: no."]);
  });

  test("the cause is kept, and only where there is one", () => {
    const cause = new Error("below");
    expect(new LacunaError({ ...details, cause }).cause).toBe(cause);
    expect("cause" in new LacunaError(details)).toBe(false);
  });

  test("in JSON it has all its fields", () => {
    expect(JSON.parse(JSON.stringify(new LacunaError(details)))).toEqual({
      ...details,
      name: "LacunaError",
      message: "in maskRatio: expected 0 to 1, got 75.",
      remedy: "",
    });
  });
});
