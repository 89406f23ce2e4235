import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { epochOrder, Order } from "../../../src/data/loader/order.js";

const shuffled = { seed: 5, shuffle: true };

test("an epoch holds every sample once", () => {
  fc.assert(
    fc.property(fc.nat(3000), fc.nat(), fc.nat(1000), (size, seed, epoch) => {
      const order = epochOrder({ size, seed, shuffle: true }, epoch);
      expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
    }),
    { seed: 1, numRuns: 60 },
  );
});

test("the order depends on seed and epoch, and on nothing else", () => {
  const order = (seed: number, epoch: number): string => epochOrder({ size: 50, seed, shuffle: true }, epoch).join();
  expect(order(1, 2)).toBe(order(1, 2));
  const orders = [order(1, 2), order(1, 3), order(2, 2), order(1 + 2 ** 40, 2)];
  expect(new Set(orders).size).toBe(4);
  // Pinned: a stored run must find its batches again in every later version.
  expect(epochOrder({ size: 10, seed: 1, shuffle: true }, 0).join()).toBe("1,7,4,2,3,5,0,8,6,9");
});

test("every sample comes to every position alike (chi-square)", () => {
  const size = 8;
  const epochs = 8000;
  const counts = new Float64Array(size * size);
  for (let epoch = 0; epoch < epochs; epoch++) {
    epochOrder({ size, ...shuffled }, epoch).forEach((sample, position) => {
      counts[position * size + sample] = (counts[position * size + sample] as number) + 1;
    });
  }
  const expected = epochs / size;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // (8 − 1)² = 49 degrees of freedom: mean 49, standard deviation 9.9.
  expect(chiSquare).toBeGreaterThan(15);
  expect(chiSquare).toBeLessThan(95);
});

describe("batches", () => {
  test("without shuffling: as listed", () => {
    const order = new Order({ size: 7, batchSize: 3, seed: 0, shuffle: false, dropLast: false });
    expect(order.batchesPerEpoch).toBe(3);
    expect([0, 1, 2].map((index) => Array.from(order.batch(4, index)))).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
  });

  test("dropLast leaves out what does not fill a batch", () => {
    const options = { size: 7, batchSize: 3, seed: 0, shuffle: true };
    expect(new Order({ ...options, dropLast: true }).batchesPerEpoch).toBe(2);
    expect(new Order({ ...options, dropLast: true, size: 6 }).batchesPerEpoch).toBe(2);
    expect(new Order({ ...options, dropLast: true, size: 2 }).batchesPerEpoch).toBe(0);
    expect(new Order({ ...options, dropLast: false, size: 2 }).batchesPerEpoch).toBe(1);
  });

  test("asking to and fro between epochs gives the same batches", () => {
    const order = new Order({ size: 40, batchSize: 8, ...shuffled, dropLast: true });
    const expected = (epoch: number, index: number): number[] =>
      Array.from(epochOrder({ size: 40, ...shuffled }, epoch).subarray(index * 8, index * 8 + 8));
    for (const [epoch, index] of [
      [0, 0],
      [3, 4],
      [1, 2],
      [2, 0],
      [0, 1],
      [3, 3],
    ] as const) {
      expect(Array.from(order.batch(epoch, index))).toEqual(expected(epoch, index));
    }
  });
});

test("a million samples are shuffled in a time that grows with their number", { timeout: 60_000 }, () => {
  epochOrder({ size: 1_281_167, ...shuffled }, 0); // in a fraction of a second; each with each would take an hour
});
