import { describe, expect, test } from "vitest";
import {
  type DType,
  dtypeBytes,
  dtypeCode,
  dtypeName,
  dtypeOf,
  numbersOf,
  typedArray,
} from "../../src/engine/dtype.js";
import { EngineError } from "../../src/engine/errors.js";
import { scope } from "../../src/engine/scope.js";
import { ConfigError } from "../../src/errors.js";
import { zeros } from "../../src/tensor/creation.js";
import { tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "./leaks.js";

// c10::ScalarType's numbers (c10/core/ScalarType.h) and the bytes of an element.
const known: [DType, number, number][] = [
  ["uint8", 0, 1],
  ["int8", 1, 1],
  ["int16", 2, 2],
  ["int32", 3, 4],
  ["int64", 4, 8],
  ["float16", 5, 2],
  ["float32", 6, 4],
  ["float64", 7, 8],
  ["bool", 11, 1],
  ["bfloat16", 15, 2],
];

test("every typed array as plain numbers", () => {
  expect(numbersOf(new BigInt64Array([-3n, 2n ** 53n]))).toEqual([-3, 2 ** 53]);
  expect(numbersOf(Float32Array.of(0.5, -0, Number.NaN))).toEqual([0.5, -0, Number.NaN]);
  expect(numbersOf(new Uint8Array(0))).toEqual([]);
});

describe("dtypes", () => {
  leavesNoTensors();

  test.each(known)("%s", (dtype, code, bytes) =>
    scope(() => {
      expect([dtypeCode(dtype), dtypeName(code), dtypeBytes(dtype)]).toEqual([code, dtype, bytes]);
      const made = zeros([3], { dtype });
      expect([made.dtype, made.toBytes().length, made.toNumbers()]).toEqual([dtype, 3 * bytes, [0, 0, 0]]);
    }),
  );

  test.each([
    new Uint8Array([1, 255]),
    new Int8Array([-128, 127]),
    new Int16Array([-32_768, 32_767]),
    new Int32Array([-(2 ** 31), 2 ** 31 - 1]),
    new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n]),
    new Float32Array([Math.fround(0.1), Number.NaN]),
    new Float64Array([0.1, Number.NEGATIVE_INFINITY]),
  ])("values go in and come out: %o", (values) =>
    scope(() => {
      const made = tensor(values);
      expect(made.dtype).toBe(dtypeOf(values));
      expect(made.toArray()).toEqual(values);
    }),
  );

  test("half precision is read as float32, from bits and from values", () =>
    scope(() => {
      const bits = tensor(new Uint8Array(Uint16Array.of(0x3f80, 0xc020, 0x7f80).buffer), [3], { dtype: "bfloat16" });
      expect(bits.toArray()).toEqual(Float32Array.of(1, -2.5, Number.POSITIVE_INFINITY));
      expect(tensor(Float32Array.of(1.0009765625)).to("float16").toArray()).toEqual(Float32Array.of(1.0009765625));
      expect(tensor(Float32Array.of(1.001)).to("bfloat16").toArray()).toEqual(Float32Array.of(1));
    }));

  test("unknown names and codes are errors", () => {
    expect(() => dtypeCode("float" as DType)).toThrow(ConfigError);
    expect(() => dtypeCode("toString" as DType)).toThrow("got toString.");
    expect(() => dtypeCode(undefined as never)).toThrow("got undefined.");
    expect(() => dtypeName(9)).toThrow(EngineError); // complex64
  });

  test("bits of half precision have no typed array of their own", () => {
    expect(typedArray("bfloat16", new ArrayBuffer(4))).toEqual(new Uint8Array(4));
    expect(typedArray("bool", new ArrayBuffer(2))).toEqual(new Uint8Array(2));
  });
});
