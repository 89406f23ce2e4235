import { expect, test } from "vitest";
import { instantiate, reserve } from "../../../src/data/resample/kernel.js";

const ONE = 2 ** 22;

test("verticalRow weighs rows, rounds to nearest and clips", () => {
  const kernel = instantiate();
  const memory = reserve(kernel, 4096);
  const words = new Int32Array(memory.buffer);
  memory.set([10, 0, 200, 255, 100], 1024);
  memory.set([20, 1, 100, 255, 200], 1024 + 5);
  const run = (a: number, b: number): number[] => {
    words.set([a * ONE, b * ONE], 0);
    kernel.verticalRow(1024, 5, 0, 8, 2048, 5);
    return [...memory.subarray(2048, 2053)];
  };
  expect(run(0.5, 0.5)).toEqual([15, 1, 150, 255, 150]);
  expect(run(2, -1)).toEqual([0, 0, 255, 255, 0]);
  expect(run(-1, 2)).toEqual([30, 2, 0, 255, 255]);
});

test("horizontalRow takes each position's own pixels and weights", () => {
  const kernel = instantiate();
  const memory = reserve(kernel, 4096);
  const words = new Int32Array(memory.buffer);
  memory.set([10, 20, 30, 40, 50, 60, 70, 80, 90], 1024);
  words.set([3, 0], 0);
  words.set([8, 4], 16);
  words.set([0.25 * ONE, 0.75 * ONE, 0, ONE, 0, 0], 32);
  kernel.horizontalRow(1024, 2048, 0, 64, 128, 12, 2, 3);
  expect([...memory.subarray(2048, 2054)]).toEqual([63, 73, 83, 10, 20, 30]);
});

test("memory grows to what is asked, and is not shrunk", () => {
  const kernel = instantiate();
  expect(reserve(kernel, 5_000_000).length).toBeGreaterThanOrEqual(5_000_000);
  const size = kernel.memory.buffer.byteLength;
  expect(reserve(kernel, 10).length).toBe(size);
});
