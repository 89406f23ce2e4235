import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DuplicateSearch, LEAST_CONTRAST, NEAR_BITS, NEAR_LEVELS } from "../../../src/data/doctor/duplicates.js";

const CELLS = 9 * 8 * 3;
const entry = (sha256: string, high: number, low: number, level = 100, contrast = 30) => ({
  sha256,
  hash: [high, low] as const,
  thumbnail: new Uint8Array(CELLS).fill(level),
  contrast,
});

function searchOf(entries: readonly ReturnType<typeof entry>[]): DuplicateSearch {
  const search = new DuplicateSearch();
  for (const [index, item] of entries.entries()) search.add(index, item);
  return search;
}

describe("DuplicateSearch", () => {
  it("groups files with the same bytes, in whatever order they came", () => {
    const search = new DuplicateSearch();
    for (const [index, sha] of [
      [4, "a"],
      [1, "b"],
      [0, "a"],
      [3, "b"],
      [2, "c"],
    ] as const) {
      search.add(index, entry(sha, 1 << index, 0));
    }
    expect(search.exact()).toEqual([
      [0, 4],
      [1, 3],
    ]);
  });

  it("groups pictures whose hashes and colours are near, by chains", () => {
    const search = searchOf([
      entry("a", 0, 0),
      entry("b", 0b11111, 0), // 5 bits from the first
      entry("c", 0b1111111111, 0), // 5 from the second, 10 from the first
      entry("d", 0, 0xffff0000), // far
      entry("e", 0b111, 0, 100 + NEAR_LEVELS + 1), // near hash, other colours
    ]);
    expect(search.near()).toEqual({ groups: [[0, 1, 2]], complete: true });
  });

  it("lets one file stand for its exact copies, and leaves blank pictures out", () => {
    const search = searchOf([
      entry("a", 7, 7),
      entry("a", 7, 7),
      entry("b", 7, 7, 100, LEAST_CONTRAST - 0.1),
      entry("c", 7, 7, 100, LEAST_CONTRAST - 0.1),
    ]);
    expect(search.near().groups).toEqual([]);
    expect(search.exact()).toEqual([[0, 1]]);
  });

  it("names the first of several copies, whichever came first", () => {
    const search = new DuplicateSearch();
    search.add(9, entry("a", 7, 7));
    search.add(4, entry("b", 7, 6));
    search.add(2, entry("a", 7, 7));
    expect(search.near().groups).toEqual([[2, 4]]);
  });

  it("finds every pair that comparing all with all finds", () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    const flips = fc.array(fc.nat(63), { maxLength: 8 });
    fc.assert(
      fc.property(word, word, fc.array(flips, { minLength: 2, maxLength: 12 }), (high, low, many) => {
        const hashes = many.map((bits) => {
          const words = [high, low] as [number, number];
          for (const bit of bits) words[bit >> 5] = ((words[bit >> 5] as number) ^ (1 << (bit & 31))) >>> 0;
          return words;
        });
        const search = searchOf(hashes.map(([a, b], i) => entry(String(i), a, b)));
        expect(search.near().groups).toEqual(components(hashes));
      }),
      { seed: 9, numRuns: 300 },
    );
  });

  it("searches a hundred thousand pictures in seconds", { timeout: 60_000 }, () => {
    const search = new DuplicateSearch();
    let state = 1;
    const next = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator; its high bits are good
      return (state ^ (state >>> 15)) >>> 0;
    };
    for (let i = 0; i < 100_000; i++) search.add(i, entry(String(i), next(), next(), i % 256));
    search.add(100_000, entry("copy", 0x12345678, 0x9abcdef0));
    search.add(100_001, entry("of it", 0x12345679, 0x9abcdef0));
    const { groups, complete } = search.near();
    expect(complete).toBe(true);
    expect(groups).toContainEqual([100_000, 100_001]);
  });
});

function components(hashes: readonly (readonly [number, number])[]): number[][] {
  const near = (i: number, j: number) => {
    const ones = (word: number) => (word >>> 0).toString(2).replaceAll("0", "").length;
    const [a, b] = [hashes[i], hashes[j]] as const;
    return ones((a?.[0] ?? 0) ^ (b?.[0] ?? 0)) + ones((a?.[1] ?? 0) ^ (b?.[1] ?? 0)) <= NEAR_BITS;
  };
  const group = hashes.map((_, i) => i);
  for (let round = 0; round < hashes.length; round++) {
    for (let i = 0; i < hashes.length; i++) {
      for (let j = 0; j < hashes.length; j++) {
        if (near(i, j)) group[i] = group[j] = Math.min(group[i] as number, group[j] as number);
      }
    }
  }
  const groups = group.map((root, i) => (root === i ? group.flatMap((other, j) => (other === i ? [j] : [])) : []));
  return groups.filter((members) => members.length > 1);
}
