import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { elementBytes, type TypedDtype, typedArray } from "../../src/formats/dtype.js";
import { parseIdx } from "../../src/formats/idx.js";
import { survives } from "./hostile.js";

const folder = new URL("../reference/formats/", import.meta.url);
const expectations = JSON.parse(readFileSync(new URL("expected.json", folder), "utf8")).files;
const names = Object.keys(expectations).filter((name) => name.endsWith(".idx"));
const load = (name: string): Buffer => readFileSync(new URL(name, folder));

test.each(names)("%s is read as torchvision reads it", (name) => {
  const { dtype, shape, data } = parseIdx(load(name), name);
  const values = [...(typedArray(dtype as TypedDtype, data) as Iterable<number>)];
  expect({ shape, values }).toEqual(expectations[name]);
});

test("all six types are among the files", () => {
  expect(names).toHaveLength(6);
  expect(new Set(names.map((name) => parseIdx(load(name)).dtype)).size).toBe(6);
});

test("each refusal says why", () => {
  const good = load("type-12.idx");
  expect(() => parseIdx(gzipSync(good), "a.gz")).toThrow(/a\.gz: expected two zero bytes.*gzip file: unpack it first/);
  for (let length = 0; length < good.length; length++) {
    expect(() => parseIdx(good.subarray(0, length))).toThrow(expect.objectContaining({ code: "truncated" }));
  }
  expect(() => parseIdx(Buffer.concat([good, good]))).toThrow(expect.objectContaining({ code: "trailing-bytes" }));
  expect(() => parseIdx(Uint8Array.of(0, 0, 10, 0))).toThrow(expect.objectContaining({ code: "unsupported-dtype" }));
  const huge = Uint8Array.of(0, 0, 8, 4, ...new Array<number>(16).fill(255));
  expect(() => parseIdx(huge)).toThrow(expect.objectContaining({ code: "bad-shape" }));
});

test("a scalar and an empty array", () => {
  expect(parseIdx(Uint8Array.of(0, 0, 8, 0, 42))).toMatchObject({ shape: [], dtype: "U8" });
  expect(parseIdx(Uint8Array.of(0, 0, 11, 1, 0, 0, 0, 0)).data).toHaveLength(0);
});

test("hostile bytes", () => {
  survives(names.map(load), (bytes) => {
    const { dtype, shape, data } = parseIdx(bytes);
    expect(data.byteLength).toBe(shape.reduce((a, b) => a * b, elementBytes[dtype]));
  });
});
