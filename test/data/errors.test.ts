import { describe, expect, it } from "vitest";
import { BadPictureError, DataError } from "../../src/data/errors.js";

describe("DataError", () => {
  it("says where, what was expected, what came and what to do", () => {
    const cause = new Error("ENOENT");
    const error = new DataError({
      code: "missing",
      path: "photos",
      expected: "a folder",
      actual: "nothing",
      remedy: "Check the spelling.",
      cause,
    });
    expect(String(error)).toBe("DataError in photos: expected a folder, got nothing. Check the spelling.");
    expect(error).toMatchObject({ code: "missing", path: "photos", expected: "a folder", actual: "nothing", cause });
    expect(error).toBeInstanceOf(Error);
  });

  it("needs no remedy", () => {
    const error = new DataError({ code: "x", path: "a", expected: "b", actual: "c" });
    expect(String(error)).toBe("DataError in a: expected b, got c.");
  });
});

describe("BadPictureError", () => {
  it("names the file and the reason", () => {
    const error = new BadPictureError("too-large", "a/b.png", "1 x 2 pixels");
    expect(String(error)).toBe("BadPictureError in a/b.png: too-large: 1 x 2 pixels. Make a smaller copy of it.");
    expect(error).toMatchObject({ code: "too-large", path: "a/b.png", reason: "1 x 2 pixels" });
    expect(error).toMatchObject({ expected: "a picture that can be decoded", actual: "too-large: 1 x 2 pixels" });
  });
});
