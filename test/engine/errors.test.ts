import { describe, expect, test } from "vitest";
import * as errors from "../../src/engine/errors.js";

const { LacunaError, ...kinds } = errors;

describe("errors", () => {
  test("data first, and a text of one shape: where, what, what to do", () => {
    const error = new errors.ConfigError("expected a number between 0 and 1, got 75.", {
      code: "range",
      path: "maskRatio",
      expected: "0 to 1",
      actual: 75,
      remedy: "Did you mean 0.75?",
    });
    expect(error.message).toBe("in maskRatio: expected a number between 0 and 1, got 75. Did you mean 0.75?");
    expect(error).toMatchObject({
      name: "ConfigError",
      code: "range",
      path: "maskRatio",
      expected: "0 to 1",
      actual: 75,
      remedy: "Did you mean 0.75?",
    });
    expect(`${error}`).toBe(`ConfigError: ${error.message}`);
  });

  test("parents add their keys, innermost last", () => {
    const error = new errors.ShapeError("linear expects [… 192], got [64 65 256].", { code: "shape" });
    expect(error.message).toBe("linear expects [… 192], got [64 65 256].");
    const same = error.within("qkv").within("attn").within("blocks.1");
    expect(same).toBe(error);
    expect(error.path).toBe("blocks.1.attn.qkv");
    expect(error.message).toBe("in blocks.1.attn.qkv: linear expects [… 192], got [64 65 256].");
  });

  test("the cause is kept, and only where there is one", () => {
    const cause = new Error("below");
    expect(new LacunaError("x.", { code: "c", cause }).cause).toBe(cause);
    expect("cause" in new LacunaError("x.", { code: "c" })).toBe(false);
  });

  test.each(Object.entries(kinds))("%s is one of ours and knows its name", (name, Kind) => {
    const error = new Kind("x.", { code: "c" });
    expect(error).toBeInstanceOf(LacunaError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe(name);
    expect(error.stack).toContain("errors.test.ts");
  });
});
