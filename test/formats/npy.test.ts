import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type RawTensor, type TypedDtype, toFloat32, typedArray } from "../../src/formats/dtype.js";
import { encodeNpy, npyHeader, parseNpy } from "../../src/formats/npy.js";
import { survives } from "./hostile.js";

const folder = new URL("../reference/formats/", import.meta.url);
interface Expected {
  shape: number[];
  values: (number | string | boolean)[];
}
const expectations = JSON.parse(readFileSync(new URL("expected.json", folder), "utf8")).files as Record<
  string,
  Expected
>;
const names = Object.keys(expectations).filter((name) => name.endsWith(".npy"));
const load = (name: string): Buffer => readFileSync(new URL(name, folder));

function values({ dtype, data }: RawTensor): (number | string | boolean)[] {
  if (dtype === "BOOL") return [...data].map((byte) => byte === 1);
  if (dtype === "F16") return [...toFloat32({ dtype, shape: [], data })];
  const typed: Iterable<number | bigint> = typedArray(dtype === "C64" ? "F32" : (dtype as TypedDtype), data);
  return [...typed].map((value) => (typeof value === "bigint" ? String(value) : value));
}

test.each(names)("%s, written by NumPy, has its shape and values", (name) => {
  const tensor = parseNpy(load(name), name);
  expect({ shape: tensor.shape, values: values(tensor) }).toEqual(expectations[name]);
});

test("a file of each type is written byte for byte as NumPy writes it", () => {
  const same = names.filter((name) => !/endian|fortran|version/.test(name));
  expect(same.length).toBeGreaterThan(15);
  for (const name of same) {
    expect(Buffer.from(encodeNpy(parseNpy(load(name)))).equals(load(name)), name).toBe(true);
  }
});

test("what is written is read again, for any shape", () => {
  const shapes = fc.array(fc.nat(5), { maxLength: 5 });
  fc.assert(
    fc.property(
      shapes,
      fc.constantFrom<TypedDtype>("BOOL", "I16", "F16", "U32", "F32", "F64", "I64"),
      (shape, dtype) => {
        const header = npyHeader(dtype, shape);
        expect(header.byteLength % 64).toBe(0);
        const size = typedArray(dtype, new Uint8Array(8)).BYTES_PER_ELEMENT;
        const data = new Uint8Array(shape.reduce((a, b) => a * b, size)).map((_, i) => i * 7);
        const tensor = parseNpy(encodeNpy({ dtype, shape, data }));
        expect(tensor).toEqual({ dtype, shape, data: expect.anything() });
        expect([...tensor.data]).toEqual([...data]);
      },
    ),
    { seed: 2 },
  );
});

describe("refusals", () => {
  const good = load("float32.npy");
  const code = (bytes: Uint8Array): string => {
    try {
      parseNpy(bytes, "f.npy");
    } catch (error) {
      return (error as { code: string }).code;
    }
    return "none";
  };
  const withHeader = (text: string, data = 4): Buffer => {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(text.length);
    return Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), length, Buffer.from(text), Buffer.alloc(data)]);
  };

  test("cut off at any byte", () => {
    for (let length = 0; length < good.length; length++)
      expect(code(good.subarray(0, length)), `${length}`).toBe("truncated");
  });

  test("bytes after the data, foreign bytes, an unknown version, a huge header", () => {
    expect(code(Buffer.concat([good, Buffer.alloc(1)]))).toBe("trailing-bytes");
    expect(code(Buffer.from("\x89PNG\r\n\x1a\n0000", "latin1"))).toBe("bad-magic");
    const version = Buffer.from(good);
    version[6] = 4;
    expect(code(version)).toBe("bad-header");
    version[6] = 2;
    version.writeUInt32LE(0xffffffff, 8);
    expect(code(version)).toBe("too-large");
  });

  test("structured and text arrays by name of the reason", () => {
    expect(code(load("structured.npy"))).toBe("unsupported-dtype");
    expect(code(load("text.npy"))).toBe("unsupported-dtype");
    expect(() => npyHeader("BF16", [1])).toThrow("expected a type that NumPy has, got BF16. Convert it to F32 first.");
  });

  test.each([
    ["{'descr': '|O', 'fortran_order': False, 'shape': (), }", "unsupported-dtype"],
    ["{'descr': '<toString', 'fortran_order': False, 'shape': (), }", "unsupported-dtype"],
    ["{'descr': '<f4', 'fortran_order': False}", "bad-header"],
    ["{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", "bad-header"],
    ["{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", "bad-header"],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "bad-header"],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}", "bad-header"],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", "bad-header"],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': ()} + 1", "bad-header"],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (9007199254740991, 9007199254740991, 0)}", "bad-shape"],
    ["__import__('os')", "bad-header"],
    [`{'descr': '<f4', 'fortran_order': False, 'shape': (${"1, ".repeat(65)})}`, "bad-header"],
    ['{"shape": (1L,), "fortran_order": False, "descr": "=f4"}', "none"],
  ])("%s", (header, expected) => {
    expect(code(withHeader(header))).toBe(expected);
  });

  test("hostile bytes", () => survives(names.map(load), (bytes) => parseNpy(bytes)));
});
