import fc from "fast-check";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { record } from "../../../src/engine/record.js";
import { scope } from "../../../src/engine/scope.js";
import {
  checkLeavesOut,
  drawMask,
  drawSquareMask,
  encodePatches,
  encodeWithMaskToken,
  hiddenPatches,
  keptPatches,
  maskFromNoise,
} from "../../../src/methods/parts/masks.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { Rng } from "../../../src/tensor/random.js";
import { tensor } from "../../../src/tensor/tensor.js";
import { relativeDifference } from "../../numbers.js";

test("kept patches are truncated in double precision, as in the official code: 196 at 0.9 keeps 19", () => {
  const of196 = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9].map((ratio) => keptPatches(196, ratio));
  expect(of196).toEqual([176, 156, 137, 117, 98, 78, 58, 49, 39, 29, 19]);
  expect(keptPatches(100, 0.9)).toBe(9);
  expect([keptPatches(256, 0.75), keptPatches(256, 0.6), keptPatches(64, 0.75), keptPatches(64, 0.6)]).toEqual([
    64, 102, 16, 25,
  ]);
});

test("the golden model's noise gives its masks and order", () => {
  scope(() => {
    const noise = Float32Array.from({ length: 32 }, (_, i) => ((7 * (i % 16) + 5 * Math.floor(i / 16) + 3) % 16) / 16);
    const mask = maskFromNoise(tensor(noise, [2, 16]), 4);
    const rows = hiddenPatches(mask).toNumbers().join("");
    expect([rows.slice(0, 16), rows.slice(16)]).toEqual(["0101111110101111", "1111110101111010"]);
    expect(mask.ids.select(0, 0).toNumbers()).toEqual([11, 2, 9, 0, 7, 14, 5, 12, 3, 10, 1, 8, 15, 6, 13, 4]);
  });
});

test.each(["random", "block"] as const)(
  "%s: the exact count, a permutation with its inverse, rows that differ",
  (kind) => {
    scope(() => {
      const rng = new Rng(0, "mask", 2, [5, 9, 1000]);
      const mask = drawMask(kind, 0.75, [14, 14], rng, "cpu");
      expect(hiddenPatches(mask).sum([1]).toNumbers()).toEqual([147, 147, 147]);
      expect(mask.ids.gather(1, mask.restore).toNumbers()).toEqual(Array.from({ length: 588 }, (_, i) => i % 196));
      const rows = hiddenPatches(mask).toNumbers();
      expect(rows.slice(0, 196)).not.toEqual(rows.slice(196, 392));
      const alone = drawMask(kind, 0.75, [14, 14], rng.at(2, [9]), "cpu");
      expect(hiddenPatches(alone).toNumbers()).toEqual(rows.slice(196, 392)); // a row depends on its sample alone
    });
  },
);

test("T2: each position is kept as often as any other", () => {
  scope(() => {
    const samples = Array.from({ length: 10_000 }, (_, i) => i);
    const share = hiddenPatches(drawMask("random", 0.75, [4, 4], new Rng(0, "mask", 0, samples), "cpu"))
      .mean([0])
      .toNumbers();
    const deviation = Math.sqrt((0.75 * 0.25) / samples.length);
    for (const value of share) expect(Math.abs(value - 0.75)).toBeLessThan(4.5 * deviation);
  });
});

test("block masks at BEiT's 75 of 196 lie where BEiT's do (20,000 masks of its code)", () => {
  scope(() => {
    const samples = Array.from({ length: 1500 }, (_, i) => i);
    const hidden = hiddenPatches(drawMask("block", 75 / 196, [14, 14], new Rng(0, "mask", 0, samples), "cpu"));
    const rate = hidden.mean([0]).toNumbers();
    const [corner, edge, centre] = [rate[0], rate[6], rate[7 * 14 + 7]] as [number, number, number];
    expect(Math.abs(corner - 0.04)).toBeLessThan(0.025);
    expect(Math.abs(edge - 0.19)).toBeLessThan(0.045);
    expect(Math.abs(centre - 0.72)).toBeLessThan(0.05);
  });
});

test("block masks hide connected pieces: far fewer borders than random ones", () => {
  scope(() => {
    const samples = Array.from({ length: 50 }, (_, i) => i);
    const borders = (kind: "random" | "block"): number => {
      const hidden = hiddenPatches(drawMask(kind, 0.5, [14, 14], new Rng(1, "mask", 0, samples), "cpu")).reshape([
        50, 14, 14,
      ]);
      const across = hidden
        .slice(2, 1)
        .sub(hidden.slice(2, 0, 13))
        .abs()
        .sum()
        .item();
      return across / 50;
    };
    expect(borders("random")).toBeGreaterThan(80);
    expect(borders("block")).toBeLessThan(50);
  });
});

test("grid keeps the top left of every two by two, and says what it cannot do", () => {
  scope(() => {
    const mask = drawMask("grid", 0.75, [4, 4], new Rng(0, "mask", 0, [1, 2]), "cpu");
    expect(hiddenPatches(mask).select(0, 1).toNumbers().join("")).toBe("0101111101011111");
  });
  const rng = new Rng(0, "mask");
  expect(() => drawMask("grid", 0.5, [4, 4], rng, "cpu")).toThrow(
    "a grid mask keeps one patch of every four (4 of 16), not 8.",
  );
});

test("any grid and ratio: counts are exact for random and block masks", () => {
  const side = fc.integer({ min: 2, max: 9 });
  fc.assert(
    fc.property(
      side,
      side,
      fc.double({ min: 0.1, max: 0.9, noNaN: true }),
      fc.constantFrom("random" as const, "block" as const),
      fc.nat(1000),
      (h, w, ratio, kind, sample) => {
        scope(() => {
          const mask = drawMask(kind, ratio, [h, w], new Rng(sample, "mask", 0, [sample]), "cpu");
          expect(hiddenPatches(mask).sum().item()).toBe(h * w - keptPatches(h * w, ratio));
        });
      },
    ),
    { numRuns: 60 },
  );
});

test.each(["random", "block"] as const)("a plan, which has shapes alone, gets a mask of %s patches too", (kind) => {
  scope(() => {
    const { recording, result } = record(() => drawMask(kind, 0.75, [8, 8], new Rng(0, "mask", 0, [0, 1]), "meta"));
    expect([result.ids.shape, result.restore.shape, result.kept]).toEqual([[2, 64], [2, 64], 16]);
    expect(recording.steps.length).toBeGreaterThan(0);
  });
});

test("squares of patches are hidden as one: CMAE keeps 17 of 49, 68 patches of 196; a side of 1 is a mask of patches", () => {
  scope(() => {
    const rng = new Rng(0, "mask", 0, [0, 1, 2]);
    const mask = drawSquareMask(2, 0.65, [14, 14], rng, "cpu");
    expect(mask.kept).toBe(68);
    const hidden = hiddenPatches(mask); // [B N]
    expect(hidden.sum([1]).toNumbers()).toEqual([128, 128, 128]);
    expect(mask.ids.gather(1, mask.restore).toNumbers()).toEqual(Array.from({ length: 588 }, (_, i) => i % 196));
    const inSquare = hidden.reshape([3, 7, 2, 7, 2]).sum([2, 4]).toNumbers();
    expect(inSquare.every((count) => count === 0 || count === 4)).toBe(true);
    // The squares with the smallest numbers stay (official `random_masking`).
    const numbers = rng.uniform([49]).select(0, 0).toNumbers();
    const visible = inSquare.slice(0, 49).flatMap((count, cell) => (count === 0 ? [cell] : []));
    const smallest = [...numbers.keys()].sort((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0)).slice(0, 17);
    expect(visible).toEqual(smallest.sort((a, b) => a - b));
    const single = drawSquareMask(1, 0.75, [4, 6], rng, "cpu");
    expect(single.ids.toNumbers()).toEqual(drawMask("random", 0.75, [4, 6], rng, "cpu").ids.toNumbers());
  });
});

test("squares that do not fill the grid, or leave nothing to see, are refused", () => {
  const rng = new Rng(0, "mask", 0, [0]);
  expect(() => drawSquareMask(2, 0.65, [7, 8], rng, "cpu")).toThrow("do not fill a grid of 7 × 8");
  expect(() => drawSquareMask(2, 0.8, [4, 4], rng, "cpu")).toThrow("leaves 0 of 4");
});

const options = [
  { positions: "sinCos" },
  { positions: "none", relativePositions: "shared", layerScale: 0.1, keyBias: false },
] as const;

test.each(options)("the token stands where patches are hidden, with their positions: %j", (given) => {
  const config = vitConfig.parse({ width: 16, depth: 1, heads: 2, patchSize: 4, ...given });
  using encoder = new Vit(config, { imageSize: [8, 8], channels: 3 });
  encoder.initialize(new Rng(0, "init"));
  noGrad(() =>
    scope(() => {
      const image = new Rng(1, "x", 0, [0, 1]).normal([3, 8, 8]);
      const mask = maskFromNoise(new Rng(2, "mask", 0, [0, 1]).uniform([4]), 2);
      const token = new Rng(3, "token").normal([1, 16]); // [1 1 16]
      const tokens = encoder.patchEmbed.call(encoder.patchEmbed.unfold(image)); // [2 4 16]
      const share = mask.restore.ge(2).float().unsqueeze(-1); // [2 4 1]
      const expected = encoder.encode(encoder.positioned(tokens.mul(share.rsub(1)).add(token.mul(share)))); // as the official code
      expect(relativeDifference(encodeWithMaskToken(encoder, image, mask, token), expected)).toBeLessThan(1e-6);
      const nothing = maskFromNoise(new Rng(2, "mask", 0, [0, 1]).uniform([4]), 4);
      expect(relativeDifference(encodeWithMaskToken(encoder, image, nothing, token), encoder.call(image))).toBeLessThan(
        1e-6,
      );
    }),
  );
});

test("a method that leaves patches out refuses an encoder whose positions are between all patches", () => {
  expect(() => checkLeavesOut({ needsEveryPatch: true } as Vit)).toThrow(/relative positions.*leaves patches out/);
  expect(() => checkLeavesOut({ needsEveryPatch: false } as Vit)).not.toThrow();
});

/** 4,000 masks of microsoft/unilm's MaskingGenerator: 74.5 patches, all 75 in 67.5 %, a corner hidden in 4.0 % and the middle in 72.1 %. */
test("blocks lie as the official ones do: corners are seldom hidden, the middle is mostly", () => {
  const rows = 600;
  const rng = new Rng(0, "mask", 0, [...Array(rows).keys()]);
  scope(() => {
    const hidden = hiddenPatches(drawMask("block", 0.38, [14, 14], rng, "cpu")); // [600 196]
    expect(
      hidden
        .sum([1])
        .toNumbers()
        .every((count) => count === 75),
    ).toBe(true);
    const share = hidden.mean([0]).toNumbers();
    const corners = [0, 13, 182, 195].reduce((sum, n) => sum + (share[n] as number), 0) / 4;
    const middle = [90, 91, 104, 105].reduce((sum, n) => sum + (share[n] as number), 0) / 4;
    expect(corners).toBeGreaterThan(0.02);
    expect(corners).toBeLessThan(0.06);
    expect(middle).toBeGreaterThan(0.67);
    expect(middle).toBeLessThan(0.77);
  });
});

test("patches encoded alone are those of the picture at their places, in the order that is asked", () => {
  using vit = new Vit(vitConfig.parse({ width: 32, depth: 1, heads: 2, patchSize: 4 }), {
    imageSize: [16, 16],
    channels: 3,
  });
  vit.initialize(new Rng(0, "init"));
  noGrad(() =>
    scope(() => {
      const pictures = new Rng(1, "x", 0, [0, 1]).normal([3, 16, 16]);
      const order = tensor(BigInt64Array.from([...Array(16).keys()].reverse(), BigInt), [1, 16]).expand([2, -1]);
      const encoded = encodePatches(vit, pictures, order.contiguous()); // [2 17 32]
      const whole = vit.call(pictures);
      expect(relativeDifference(encoded.select(1, 1), whole.select(1, 16))).toBeLessThan(1e-5);
      expect(relativeDifference(encoded.select(1, 0), whole.select(1, 0))).toBeLessThan(1e-5);
      const first = tensor(BigInt64Array.from([0n, 5n]), [2, 1]);
      expect(encodePatches(vit, pictures, first).shape).toEqual([2, 2, 32]);
    }),
  );
});
