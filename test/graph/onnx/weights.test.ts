import fc from "fast-check";
import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { constantBytes, quantize } from "../../../src/graph/onnx/weights.js";
import { tensor } from "../../../src/tensor/tensor.js";

test("eight bits: each column's largest at 127, none further off than half a step, ties to even", () => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true, min: -8, max: 8 }), { minLength: 6, maxLength: 6 }), (numbers) => {
      const matrix = Float32Array.from(numbers);
      const { values, scales } = quantize(matrix, 3);
      matrix.forEach((value, i) => {
        const scale = scales[i % 3] ?? 0;
        expect(Math.abs(value - (values[i] ?? 0) * scale)).toBeLessThanOrEqual(scale * 0.5001 + 1e-40);
      });
    }),
  );
  const { values, scales } = quantize(Float32Array.of(127, 0, 2.5, 0, 3.5, 0, -0.5, 0), 2);
  expect([[...values], [...scales]]).toEqual([
    [127, 0, 2, 0, 4, 0, 0, 0],
    [1, 1],
  ]);
});

test("a parameter plain, turned over, and in half precision; numbers of our own", () =>
  scope(() => {
    const state = new Map([["w", tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2])]]);
    const bytes = (form: "plain" | "transposed", type: "float32" | "float16") =>
      constantBytes({ name: "c", type, shape: [2, 3], data: { weight: "w", form } }, state);
    expect([...new Float32Array(bytes("plain", "float32").slice().buffer)]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...new Float32Array(bytes("transposed", "float32").slice().buffer)]).toEqual([1, 3, 5, 2, 4, 6]);
    expect([...new Uint16Array(bytes("plain", "float16").slice().buffer).slice(0, 2)]).toEqual([0x3c00, 0x4000]);
    const own = constantBytes({ name: "c", type: "int64", shape: [2], data: [-1, 2 ** 31 - 1] }, state);
    expect([...new BigInt64Array(own.slice().buffer)]).toEqual([-1n, 2147483647n]);
    const unknown = { name: "c", type: "float32", shape: [1], data: { weight: "v", form: "plain" } } as const;
    expect(() => constantBytes(unknown, state)).toThrow("no parameter is named v");
  }));
