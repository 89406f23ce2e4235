import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  bfloat16ToFloat32,
  byteLength,
  elementBytes,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
  isDtype,
  swapped,
  toFloat32,
  typedArray,
} from "../../src/formats/dtype.js";
import { SafetensorsFile } from "../../src/formats/safetensors.js";

const half = SafetensorsFile.fromBytes(readFileSync(new URL("../reference/formats/half.safetensors", import.meta.url)));
const float32 = typedArray("F32", half.read("float32").data);
const expectedHalf = typedArray("U16", half.read("float16").data);
const expectedBrain = typedArray("U16", half.read("bfloat16").data);

test("float32 -> float16 equals NumPy bit by bit, edges and ties included; NaN stays NaN with its sign", () => {
  const bits = float32ToFloat16(float32);
  expect(float32.length).toBeGreaterThan(3000);
  for (const [i, value] of float32.entries()) {
    if (!Number.isNaN(value)) expect(bits[i], `value ${value}`).toBe(expectedHalf[i]);
    else expect((bits[i] as number) & 0x7fff).toBeGreaterThan(0x7c00);
  }
});

test("float32 -> bfloat16 equals PyTorch bit by bit; NaN stays NaN", () => {
  const bits = float32ToBfloat16(float32);
  for (const [i, value] of float32.entries()) {
    if (!Number.isNaN(value)) expect(bits[i], `value ${value}`).toBe(expectedBrain[i]);
    else expect((bits[i] as number) & 0x7fff).toBeGreaterThan(0x7f80);
  }
});

test("all 65536 halves and bfloat16s come back as they were", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const isNan = (value: number): boolean => Number.isNaN(value);
  const halves = float16ToFloat32(all);
  const brains = bfloat16ToFloat32(all);
  const halvesBack = float32ToFloat16(halves);
  const brainsBack = float32ToBfloat16(brains);
  for (let i = 0; i < 65536; i++) {
    if (!isNan(halves[i] as number) && halvesBack[i] !== i) expect(halvesBack[i]).toBe(i);
    if (!isNan(brains[i] as number) && brainsBack[i] !== i) expect(brainsBack[i]).toBe(i);
  }
  expect([0x3c00, 0x0001, 0x8000, 0x7bff, 0xfc00].map((bits) => halves[bits])).toEqual([
    1,
    2 ** -24,
    -0,
    65504,
    -Infinity,
  ]);
  expect([...halves].filter(isNan)).toHaveLength(2 * 1023);
  expect([...brains].filter(isNan)).toHaveLength(2 * 127);
});

test("rounding goes to a nearest neighbour", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, min: -60000, max: 60000 }), (value) => {
      const there = float32ToFloat16(Float32Array.of(value));
      const bits = there[0] as number;
      const near = [bits - 1, bits, bits + 1].filter((b) => (b & 0x7fff) < 0x7c00 && (b & 0x8000) === (bits & 0x8000));
      const distances = near.map((b) => Math.abs((float16ToFloat32(Uint16Array.of(b))[0] as number) - value));
      const own = Math.abs((float16ToFloat32(there)[0] as number) - value);
      expect(own).toBe(Math.min(...distances));
    }),
    { seed: 1 },
  );
});

test("toFloat32 reads every float type, and refuses the others by name", () => {
  const data = new Uint8Array(new Float32Array([1.5, -2]).buffer);
  expect([...toFloat32({ dtype: "F32", shape: [2], data })]).toEqual([1.5, -2]);
  const wide = new Uint8Array(new Float64Array([0.1]).buffer);
  expect([...toFloat32({ dtype: "F64", shape: [1], data: wide })]).toEqual([Math.fround(0.1)]);
  expect([...toFloat32({ dtype: "F16", shape: [1], data: Uint8Array.of(0, 0x3c) })]).toEqual([1]);
  expect([...toFloat32({ dtype: "BF16", shape: [1], data: Uint8Array.of(0x80, 0x3f) })]).toEqual([1]);
  expect(() => toFloat32({ dtype: "I64", shape: [0], data: new Uint8Array() }, "a.npy")).toThrow(
    "in a.npy: expected a tensor of F32, F64, F16 or BF16, got I64.",
  );
});

test("typedArray is a view where aligned and a copy where not", () => {
  const bytes = new Uint8Array(16).map((_, i) => i);
  const view = typedArray("U32", bytes.subarray(4, 12));
  expect([view.buffer === bytes.buffer, view.length, view[0]]).toEqual([true, 2, 0x07060504]);
  const copy = typedArray("U32", bytes.subarray(1, 9));
  expect([copy.buffer === bytes.buffer, copy.length, copy[0]]).toEqual([false, 2, 0x04030201]);
  expect(typedArray("U32", Buffer.from(bytes.buffer, 1, 8))[0]).toBe(0x04030201);
});

test("swapped turns the bytes of each element around and leaves its argument alone", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  expect([...swapped(bytes, 1)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect([...swapped(bytes, 2)]).toEqual([2, 1, 4, 3, 6, 5, 8, 7]);
  expect([...swapped(bytes, 4)]).toEqual([4, 3, 2, 1, 8, 7, 6, 5]);
  expect([...swapped(bytes, 8)]).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
  expect(bytes[0]).toBe(1);
});

test("byte lengths never leave the safe integers", () => {
  expect(byteLength("F64", [3, 0, 2], "x")).toBe(0);
  expect(byteLength("BF16", [], "x")).toBe(2);
  for (const shape of [[2 ** 30, 2 ** 30], [2 ** 60, 0], [2 ** 40, 2 ** 40, 0], [-1], [1.5], [Number.NaN]]) {
    expect(() => byteLength("U8", shape, "x"), String(shape)).toThrow(expect.objectContaining({ code: "bad-shape" }));
  }
  expect(isDtype("F32") && !isDtype("toString") && !isDtype("f32")).toBe(true);
  expect(Object.keys(elementBytes)).toHaveLength(19);
});
