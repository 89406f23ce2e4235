import { describe, expect, test } from "vitest";
import { keyOf, philox } from "../../src/data/random.js";
import { binding } from "../../src/engine/binding.js";
import { fillRandom, philoxKey } from "../../src/engine/random.js";
import { scope } from "../../src/engine/scope.js";
import { empty, zeros } from "../../src/tensor/creation.js";
import { leavesNoTensors } from "./leaks.js";

describe("native Philox4x32-10", () => {
  leavesNoTensors();

  // Random123's kat_vectors, philox4x32 10: counter, key, result. The native function's counter is (block, 0, sample,
  // epoch), so the second word is 0: these are what it can reach of the published list; the rest is compared through
  // src/data/random.ts, which has all of them.
  test("Random123's known answer for zeros, to the 24 bits that are used", () =>
    scope(() => {
      const x = empty([4]);
      binding().fillRandom(x.id, 0, 0, 0, [0], false);
      const words = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8];
      expect(x.toNumbers()).toEqual(words.map((word) => (word >>> 8) * 2 ** -24));
    }));

  test.each([
    [0, 0, 0, 0],
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xa4093822, 0x299f31d0, 0x13198a2e, 0x03707344],
    [1, 2 ** 31, 2 ** 31, 1],
  ])(
    "key (%i, %i), sample %i, epoch %i: the blocks of the generator whose known answers are all tested",
    (k0, k1, sample, epoch) =>
      scope(() => {
        const x = empty([4 * 700 + 3]);
        binding().fillRandom(x.id, k0, k1, epoch, [sample], false);
        const expected = Array.from({ length: x.size }, (_, i) => {
          const word = philox([i >> 2, 0, sample, epoch], [k0, k1])[i & 3] as number;
          return (word >>> 8) * 2 ** -24;
        });
        expect(x.toNumbers()).toEqual(expected);
      }),
  );

  test("normal numbers are Box and Muller's of the same words", () =>
    scope(() => {
      const x = empty([8]);
      binding().fillRandom(x.id, 1, 2, 3, [4], true);
      const expected = [0, 1].flatMap((block) => {
        const [a, b, c, d] = philox([block, 0, 4, 3], [1, 2]).map((word) => (word >>> 8) * 2 ** -24) as [
          number,
          number,
          number,
          number,
        ];
        return [
          [a, b],
          [c, d],
        ].flatMap(([u, v]) => {
          const radius = Math.sqrt(-2 * Math.log(1 - (u as number)));
          const angle = 2 * Math.PI * (v as number);
          return [radius * Math.cos(angle), radius * Math.sin(angle)];
        });
      });
      x.toNumbers().forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i] as number, 6);
      });
    }));

  test("the key of a seed and a purpose is the data path's", () => {
    for (const seed of [0, 5, 2 ** 31, 2 ** 32 + 17, Number.MAX_SAFE_INTEGER]) {
      for (const purpose of ["", "order", "view:image", "日本"])
        expect(philoxKey(seed, purpose)).toEqual(keyOf(seed, purpose));
    }
  });

  test("only a contiguous float32 tensor on the CPU is filled, in equal rows", () =>
    scope(() => {
      const key = { seed: 1, purpose: "", epoch: 0, samples: [1, 2] };
      const refused = "fillRandom: random numbers fill a contiguous float32 tensor on the CPU.";
      for (const x of [
        zeros([2], { dtype: "float64" }),
        zeros([2], { device: "meta" }),
        zeros([2, 3]).transpose(0, 1),
      ]) {
        expect(() => fillRandom(x.id, key, "uniform")).toThrow(refused);
      }
      expect(() => fillRandom(zeros([3]).id, key, "uniform")).toThrow("3 numbers do not split into 2 rows");
      fillRandom(zeros([2, 0]).id, key, "uniform");
    }));
});
