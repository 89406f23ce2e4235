import { expect, test } from "vitest";
import * as w from "../../../src/data/resample/assembler.js";

declare const WebAssembly: {
  readonly Memory: new (limits: { initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: object,
  ) => { readonly exports: Record<string, (...p: number[]) => void> };
};

function load(functions: readonly w.KernelFunction[]) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(w.assemble(functions)), { memory: { memory } });
  return { exports, words: new Int32Array(memory.buffer), bytes: new Uint8Array(memory.buffer) };
}

test("constants of every length keep value and sign", () => {
  for (const value of [0, 1, 63, 64, -1, -64, -65, 127, 128, 8191, 8192, -8193, 2 ** 21, -(2 ** 31), 2 ** 31 - 1]) {
    const body = [...w.constant(8), ...w.constant(value), ...w.store];
    const { exports, words } = load([{ name: "put", parameters: 0, locals: [], body }]);
    exports["put"]?.();
    expect(words[2]).toBe(value);
  }
});

test("loops, branches and several functions", () => {
  // words[0] += the sum of 1 … n, by counting n down; written for n >= 0.
  const [n, sum] = [0, 1];
  const step = [...w.increase(sum, w.get(n)), ...w.increase(n, w.constant(-1))];
  const count = w.block(w.loop(w.get(n), w.isZero, w.branchIf(1), step, w.branch(0)));
  const body = [...count, ...w.constant(0), ...w.get(sum), ...w.store];
  const twice = [...w.get(0), ...w.get(0), ...w.load, ...w.get(0), ...w.load, ...w.add, ...w.store];
  const { exports, words } = load([
    { name: "sum", parameters: 1, locals: [w.I32], body },
    { name: "twice", parameters: 1, locals: [], body: twice },
  ]);
  exports["sum"]?.(100);
  expect(words[0]).toBe(5050);
  exports["twice"]?.(0);
  expect(words[0]).toBe(10100);
  exports["sum"]?.(0);
  expect(words[0]).toBe(0);
});

test("vectors widen, multiply, shift and saturate", () => {
  const v = w.vector;
  const body = [
    ...[...w.constant(64), ...w.constant(0), ...v.load4, ...v.bytesLowToShorts, ...v.shortsLowToInts],
    ...[...w.constant(16), ...v.loadSplat, ...v.multiply, ...w.constant(1), ...v.shiftRight, ...w.set(0)],
    ...[
      ...w.get(0),
      ...w.get(0),
      ...v.intsToShorts,
      ...w.set(0),
      ...w.get(0),
      ...w.get(0),
      ...v.shortsToBytes,
      ...v.store16,
    ],
  ];
  const { exports, words, bytes } = load([{ name: "run", parameters: 0, locals: [w.V128], body }]);
  bytes.set([1, 10, 100, 255]);
  words[4] = 6;
  exports["run"]?.();
  expect([...bytes.subarray(64, 68)]).toEqual([3, 30, 255, 255]);
  words[4] = -6;
  exports["run"]?.();
  expect([...bytes.subarray(64, 68)]).toEqual([0, 0, 0, 0]);
});
