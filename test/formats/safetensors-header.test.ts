import { describe, expect, test } from "vitest";
import { isWellFormed, parseHeader } from "../../src/formats/safetensors-header.js";

function info(start: number, end: number, dtype = "U8", shape: unknown = [end - start]): string {
  return `{"dtype":"${dtype}","shape":${JSON.stringify(shape)},"data_offsets":[${start},${end}]}`;
}

function codeOf(text: string, dataBytes: number): string {
  try {
    parseHeader(text, dataBytes, "f");
  } catch (error) {
    return (error as { code: string }).code;
  }
  return "none";
}

test("tensors come in the order of the file, metadata apart", () => {
  const text = `{"b":${info(4, 8, "F32", [])},"__metadata__":{"k":"v"},"a":${info(0, 4)},"e":${info(4, 4, "F32", [0, 3])}}  `;
  const header = parseHeader(text, 8, "f");
  expect([...header.entries.keys()]).toEqual(["a", "e", "b"]);
  expect(header.entries.get("b")).toEqual({ name: "b", dtype: "F32", shape: [], start: 4, end: 8 });
  expect(header.metadata).toEqual({ k: "v" });
  expect(parseHeader("{}", 0, "f").metadata).toBeUndefined();
});

test("names are only data", () => {
  const header = parseHeader(
    `{"__proto__":${info(0, 1)},"__metadata__":{"__proto__":"x"},"\\u00e9":${info(1, 2)}}`,
    2,
    "f",
  );
  expect([...header.entries.keys()]).toEqual(["__proto__", "é"]);
  expect(Object.keys(header.metadata ?? {})).toEqual(["__proto__"]);
});

test("keys that a later version may add to a tensor are passed over, as the crate does", () => {
  const text = `{"a":{"extra":[1,{"x":[true,null,-1.5e3,"s"]}],"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`;
  expect(codeOf(text, 1)).toBe("none");
});

describe("layout", () => {
  test.each([
    ["a hole at the start", `{"a":${info(1, 2)}}`, 2, "bad-offsets"],
    ["a hole between", `{"a":${info(0, 1)},"b":${info(2, 3)}}`, 3, "bad-offsets"],
    ["an overlap", `{"a":${info(0, 2)},"b":${info(1, 3)}}`, 3, "bad-offsets"],
    ["the same place twice", `{"a":${info(0, 2)},"b":${info(0, 2)}}`, 2, "bad-offsets"],
    ["backwards", `{"a":{"dtype":"U8","shape":[0],"data_offsets":[1,0]}}`, 1, "bad-offsets"],
    ["wrong length for the shape", `{"a":${info(0, 4, "F32", [2])}}`, 4, "bad-offsets"],
    ["data cut off", `{"a":${info(0, 4)}}`, 3, "truncated"],
    ["data left over", `{"a":${info(0, 4)}}`, 5, "trailing-bytes"],
    ["data of nothing", "{}", 1, "trailing-bytes"],
    ["a product beyond 2^53", `{"a":${info(0, 0, "F32", [2 ** 40, 2 ** 40, 0])}}`, 0, "bad-shape"],
    ["an unknown type", `{"a":${info(0, 1, "F7")}}`, 1, "unsupported-dtype"],
    ["a type below a byte", `{"a":${info(0, 1, "F4", [2])}}`, 1, "unsupported-dtype"],
    ["a type that is a method of Object", `{"a":${info(0, 1, "toString")}}`, 1, "unsupported-dtype"],
  ])("%s", (_, text, bytes, code) => expect(codeOf(text, bytes)).toBe(code));

  test("the message names tensor and place", () => {
    expect(() => parseHeader(`{"a":${info(0, 1)},"b":${info(2, 3)}}`, 3, "w.safetensors")).toThrow(
      'in w.safetensors, tensor "b": expected data that begins at 1, where the tensor before it ends, got a hole: it begins at 2.',
    );
  });
});

describe("text", () => {
  const one = info(0, 1);
  test.each([
    ["a tensor twice", `{"a":${one},"a":${one}}`, "duplicate-name"],
    ["twice in other spelling", `{"a":${one},"\\u0061":${one}}`, "duplicate-name"],
    ["a field twice", `{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "duplicate-name"],
    ["metadata twice", `{"__metadata__":{},"__metadata__":{},"a":${one}}`, "duplicate-name"],
    ["a metadata key twice", `{"__metadata__":{"k":"1","k":"2"},"a":${one}}`, "duplicate-name"],
    ["metadata that is no string", `{"__metadata__":{"k":1},"a":${one}}`, "bad-header"],
    ["metadata that is null", `{"__metadata__":null,"a":${one}}`, "bad-header"],
    ["nothing", "", "bad-header"],
    ["space before", ` {"a":${one}}`, "bad-header"],
    ["an array", "[]", "bad-header"],
    ["text after", `{"a":${one}}x`, "bad-header"],
    ["a comma too many", `{"a":${one},}`, "bad-header"],
    ["a field missing", `{"a":{"dtype":"U8","shape":[1]}}`, "bad-header"],
    ["one offset", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[1]}}`, "bad-header"],
    ["three offsets", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}`, "bad-header"],
    ["a negative size", `{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, "bad-header"],
    ["a fraction", `{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, "bad-header"],
    ["an exponent", `{"a":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}`, "bad-header"],
    ["a leading zero", `{"a":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}}`, "bad-header"],
    ["beyond 2^53", `{"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,1]}}`, "bad-header"],
    ["far beyond", `{"a":{"dtype":"U8","shape":[${"9".repeat(400)}],"data_offsets":[0,1]}}`, "bad-header"],
    ["65 dimensions", `{"a":{"dtype":"U8","shape":[${"1,".repeat(64)}1],"data_offsets":[0,1]}}`, "bad-header"],
    ["a string without end", '{"a', "bad-header"],
    ["a string that ends in a backslash", '{"a\\', "bad-header"],
    ["a bad escape", `{"\\x":${one}}`, "bad-header"],
    ["a raw control character", `{"\n":${one}}`, "bad-header"],
    ["half a surrogate pair", `{"\\ud800":${one}}`, "bad-header"],
    ["a type that is no string", `{"a":{"dtype":1,"shape":[1],"data_offsets":[0,1]}}`, "bad-header"],
    ["another word", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":nul}}`, "bad-header"],
  ])("%s", (_, text, code) => expect(codeOf(text, 1)).toBe(code));
});

test("hostile nesting and length end soon and in an error", { timeout: 60_000 }, () => {
  const inside = (value: string): string => `{"a":{"x":${value}`;
  expect(codeOf(inside("[".repeat(5_000_000)), 0)).toBe("bad-header");
  expect(codeOf(inside('{"x":'.repeat(1_000_000)), 0)).toBe("bad-header");
  expect(codeOf(`{"a":{"shape":[${"1,".repeat(2_000_000)}`, 0)).toBe("bad-header");
  expect(codeOf(`{"${"\\".repeat(4_000_000)}`, 0)).toBe("bad-header");
  expect(codeOf(`{${" ".repeat(5_000_000)}`, 0)).toBe("bad-header");
});

test("isWellFormed finds half a pair", () => {
  expect(["", "é🙂", "\ud83d\ude42"].every(isWellFormed)).toBe(true);
  expect(["\ud83d", "a\ude42", "\ude42\ud83d"].some(isWellFormed)).toBe(false);
});
