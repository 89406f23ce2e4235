import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fnv1a32, KeyedRandom, keyOf, philox } from "../../src/data/random.js";

const hex = (words: readonly number[]) => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");

describe("philox", () => {
  // Random123 1.14, tests/kat_vectors, lines "philox4x32 10".
  it("gives Random123's known answers", () => {
    expect(hex(philox([0, 0, 0, 0], [0, 0]))).toBe("6627e8d5 e169c58d bc57ac4c 9b00dbd8");
    const ones = 0xffffffff;
    expect(hex(philox([ones, ones, ones, ones], [ones, ones]))).toBe("408f276d 41c83b0e a20bc7c6 6d5451fd");
    expect(hex(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]))).toBe(
      "d16cfe09 94fdcceb 5001e420 24126ea1",
    );
  });

  it("equals the definition in big integers for any counter and key", () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        expect(philox(counter, key)).toEqual(bigPhilox(counter, key));
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});

/** The definition of the paper, written plainly with exact integers. */
function bigPhilox(counter: readonly number[], key: readonly number[]): number[] {
  const mask = 0xffffffffn;
  let [a, b, c, d] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map(BigInt) as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const first = 0xd2511f53n * a;
    const second = 0xcd9e8d57n * c;
    [a, b, c, d] = [(second >> 32n) ^ b ^ k0, second & mask, (first >> 32n) ^ d ^ k1, first & mask];
    k0 = (k0 + 0x9e3779b9n) & mask;
    k1 = (k1 + 0xbb67ae85n) & mask;
  }
  return [a, b, c, d].map(Number);
}

describe("keyOf", () => {
  // The test suite of FNV's authors (isthe.com/chongo/tech/comp/fnv): 32-bit FNV-1a of "", "a" and "foobar".
  it("hashes with FNV-1a", () => {
    expect(fnv1a32("")).toBe(0x811c9dc5);
    expect(fnv1a32("a")).toBe(0xe40c292c);
    expect(fnv1a32("foobar")).toBe(0xbf9cf968);
  });

  it("uses all bits of the seed and the purpose", () => {
    const keys = [keyOf(0, "order"), keyOf(1, "order"), keyOf(2 ** 32, "order"), keyOf(0, "replace")].map(hex);
    expect(new Set(keys).size).toBe(4);
    expect(keyOf(5, "mask")).toEqual([(5 ^ fnv1a32("mask")) >>> 0, fnv1a32("lacuna:mask")]);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])("refuses %s as a seed", (seed) => {
    expect(() => keyOf(seed, "order")).toThrow(/seed: expected a whole number from 0 .*, got /);
  });
});

describe("KeyedRandom", () => {
  const key = { seed: 3, purpose: "view:image", epoch: 2, sample: 41 };

  it("lays its numbers out as word (i & 3) of block (i >> 2)", () => {
    const random = new KeyedRandom(key);
    const words = Array.from({ length: 9 }, () => random.word());
    const block = (index: number) => philox([index, 0, key.sample, key.epoch], keyOf(key.seed, key.purpose));
    expect(words).toEqual([...block(0), ...block(1), block(2)[0]]);
  });

  it("gives uniform numbers that float32 holds exactly", () => {
    const random = new KeyedRandom(key);
    const again = new KeyedRandom(key);
    const numbers = Array.from({ length: 20000 }, () => random.uniform());
    expect(numbers.slice(0, 4)).toEqual(Array.from({ length: 4 }, () => (again.word() >>> 8) / 2 ** 24));
    expect(numbers.every((x) => x >= 0 && x < 1 && Math.fround(x) === x)).toBe(true);
    const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
    // Standard error of the mean of 20,000 uniform numbers: 0.002.
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.008);
  });

  it("gives whole numbers below n, all of them about as often", () => {
    const random = new KeyedRandom(key);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 14000; i++) {
      const value = random.integer(7);
      counts[value] = (counts[value] ?? Number.NaN) + 1;
    }
    // 2,000 expected each, deviation 41.
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(170);
  });

  it("gives standard normal numbers, two uniform ones each", () => {
    const random = new KeyedRandom(key);
    const again = new KeyedRandom(key);
    const numbers = Array.from({ length: 20000 }, () => random.normal());
    for (let i = 0; i < 40000; i++) again.uniform();
    expect(random.word()).toBe(again.word());
    const moment = (power: number) => numbers.reduce((sum, x) => sum + x ** power, 0) / numbers.length;
    // Standard errors of the moments: 0.007, 0.01, 0.027 and 0.069; the fourth moment is 3.
    expect(Math.abs(moment(1))).toBeLessThan(0.03);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.04);
    expect(Math.abs(moment(3))).toBeLessThan(0.11);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.28);
  });

  it("differs by each part of the key", () => {
    const first = (changed: Partial<typeof key>) => new KeyedRandom({ ...key, ...changed }).word();
    const words = [{}, { seed: 4 }, { purpose: "view:two" }, { epoch: 3 }, { sample: 42 }].map(first);
    expect(new Set(words).size).toBe(5);
  });
});
