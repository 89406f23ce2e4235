import { expect, test } from "vitest";
import { KeyedRandom } from "../../../src/data/random.js";
import type { PixelBatch } from "../../../src/train/batch.js";
import { describeInput } from "../../../src/train/watch/input.js";

const plain = { mean: [0, 0, 0], std: [1, 1, 1], patch: [4, 4] as const };

/** Pictures [B 16 16 3] from a function of place. */
function batch(count: number, pixel: (n: number, y: number, x: number, c: number) => number): PixelBatch {
  const data = Uint8Array.from({ length: count * 768 }, (_, i) =>
    pixel(Math.floor(i / 768), Math.floor((i % 768) / 48), Math.floor((i % 48) / 3), i % 3),
  );
  return { data, height: 16, width: 16, channels: 3 };
}

/** Smooth pictures: waves of a direction and length of their own. */
function wave(n: number, y: number, x: number, c: number): number {
  const random = new KeyedRandom({ seed: 1, purpose: "wave", epoch: 0, sample: n });
  const [a, b] = [random.uniform(), random.uniform()];
  return 127 + 100 * Math.sin(0.5 * (a * x + b * y) + n + c);
}

/** The same with the sixteen patches of each picture in another order, shifted by `offset`. */
function shuffled(offset: number) {
  return (n: number, y: number, x: number, c: number): number => {
    const [v, u] = [y + offset, x + offset];
    const place = Math.floor(v / 4) * 5 + Math.floor(u / 4);
    const other = (place * 7 + 3 * n) % 25;
    return wave(n, 4 * Math.floor(other / 5) + (v % 4), 4 * (other % 5) + (u % 4), c);
  };
}

test("mean and deviation of each channel after normalisation", () => {
  const two = batch(2, (n, _, __, c) => (n === 0 ? 51 : 102) * (c === 2 ? 2 : 1));
  const seen = describeInput(two, { ...plain, mean: [0.3, 0.1, 0], std: [0.1, 0.2, 0.5] });
  const expected = { mean: [0, 1, 1.2], std: [1, 0.5, 0.4] };
  for (const key of ["mean", "std"] as const)
    for (const [c, value] of expected[key].entries()) expect(seen[key][c]).toBeCloseTo(value, 4);
  expect(seen).toMatchObject({ pictures: 2, flatPictures: 1, flatPatches: 1, seam: null });
});

test("pixels of 0 to 255, and statistics of 0 to 255 for pixels of 0 to 1, cannot be missed", () => {
  const pictures = batch(8, wave);
  const usual = describeInput(pictures, { ...plain, mean: [0.5, 0.5, 0.5], std: [0.28, 0.28, 0.28] });
  const wrong = describeInput(pictures, { ...plain, mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] });
  const other = describeInput(pictures, { ...plain, mean: [125, 123, 114], std: [63, 62, 67] });
  for (const value of usual.std) expect(value).toBeCloseTo(1, 0);
  expect(Math.min(...wrong.std)).toBeGreaterThan(50);
  expect(Math.max(...other.std)).toBeLessThan(0.01);
});

test("the seams of shuffled patches, also where crops have shifted them", () => {
  const whole = describeInput(batch(16, wave), plain);
  expect(whole.seam).toBeGreaterThan(0.8);
  expect(whole.seam).toBeLessThan(1.35);
  for (const offset of [0, 1, 3]) expect(describeInput(batch(16, shuffled(offset)), plain).seam).toBeGreaterThan(2);
  expect(describeInput(batch(2, wave), { ...plain, patch: [16, 16] }).seam).toBeNull();
});

test("discs on plain ground have edges, and no seams", () => {
  const disc = (n: number, y: number, x: number, c: number): number => {
    const random = new KeyedRandom({ seed: 2, purpose: "disc", epoch: 0, sample: n });
    const [a, b, r] = [16 * random.uniform(), 16 * random.uniform(), 2 + 5 * random.uniform()];
    return Math.hypot(x - a, y - b) < r ? 40 * c : 200;
  };
  for (const side of [4, 5, 8])
    for (const few of [8, 64]) {
      const seam = describeInput(batch(few, disc), { ...plain, patch: [side, side] }).seam ?? 0;
      expect(seam).toBeLessThan(2);
    }
});

test("flat pictures and flat patches are counted, a difference of one step is none", () => {
  const some = batch(4, (n, y, x) => (n === 0 ? 90 + ((x + y) % 2) : n === 1 ? (x < 8 ? 10 : 17 * y) : 13 * x));
  const seen = describeInput(some, plain);
  expect(seen.flatPictures).toBe(0.25);
  expect(seen.flatPatches).toBeCloseTo((1 + 0.5) / 4, 4);
});

test("sixty-four pictures at most are looked at", () => {
  expect(describeInput(batch(70, wave), plain).pictures).toBe(64);
});
