import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import { HogTarget, histograms } from "../../../../src/methods/parts/targets/hog.js";
import { full } from "../../../../src/tensor/creation.js";
import { Rng } from "../../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../../src/tensor/tensor.js";
import { leavesNoTensors } from "../../../engine/leaks.js";

leavesNoTensors();

/** A picture [1 C side side] by a formula of channel, row and column. */
function drawn(side: number, value: (c: number, i: number, j: number) => number, channels = 3): Tensor {
  const numbers = Array.from({ length: channels * side * side }, (_, n) =>
    value(Math.floor(n / side ** 2), Math.floor(n / side) % side, n % side),
  );
  return tensor(Float32Array.from(numbers), [1, channels, side, side]);
}

const waves = (): Tensor =>
  drawn(224, (c, i, j) => Math.sin(0.11 * i * (c + 1)) + Math.cos(0.17 * j) * Math.sin(0.03 * (i + j) * (3 - c)));
const noise = (): Tensor => new Rng(1, "noise", 0, [0, 1]).normal([3, 32, 32]);
const largest = (x: Tensor): number => x.abs().amax([]).item();

test("the official layer's histograms of a picture that a formula draws", () => {
  scope(() => {
    const found = histograms(waves(), [8, 8]); // [1 3 9 28 28]
    const cell = (c: number, row: number, column: number): number[] =>
      found.select(0, 0).select(0, c).select(1, row).select(1, column).toNumbers();
    const expected = [
      [0, 3, 4, [0.07904, 0.23718, 0.23106, 0, 0, 0.92002, 0.16645, 0.07158, 0.06963]],
      [2, 17, 9, [0.63347, 0.01376, 0.01654, 0, 0, 0, 0, 0.03211, 0.7728]],
    ] as const;
    for (const [c, row, column, values] of expected)
      for (const [i, value] of values.entries()) expect(cell(c, row, column)[i]).toBeCloseTo(value, 4);
    using target = new HogTarget([16, 16], 3, 2);
    const patches = target.call(waves()); // [1 196 108]
    const first = [0.84145, 0, 0.37718, 0.03158, 0.16373, 0, 0, 0.01393, 0, 0, 0, 0];
    for (const [i, value] of first.entries()) expect(patches.toArray()[i]).toBeCloseTo(value, 4);
    expect(patches.sum().item()).toBeCloseTo(4075.644, 1);
    expect(patches.pow(2).sum().sqrt().item()).toBeCloseTo(48.4974, 3);
  });
});

test("a picture of one colour has none; ramps fall into the bins of their directions, at the border too", () => {
  scope(() => {
    expect(largest(histograms(full([1, 3, 32, 32], 0.5), [8, 8]))).toBe(0);
    for (let bin = 0; bin < 9; bin++) {
      const angle = ((80 - 20 * bin) * Math.PI) / 180;
      const ramp = drawn(48, (_, i, j) => Math.cos(angle) * j + Math.sin(angle) * i, 1);
      const inner = histograms(ramp, [8, 8]).slice(3, 1, 5).slice(4, 1, 5); // [1 1 9 4 4]
      expect(
        inner
          .amin([3, 4])
          .toNumbers()
          .map((value) => Math.round(value)),
      ).toEqual(Array.from({ length: 9 }, (_, k) => Number(k === bin)));
    }
    const across = drawn(32, (_, __, j) => j, 1); // reflected at its ends it still rises along x alone
    expect(histograms(across, [8, 8]).select(2, 4).amin([]).item()).toBe(1);
  });
});

test("light and contrast of a channel change nothing, nor does the negative; a mirrored picture has mirrored bins", () => {
  scope(() => {
    const x = noise();
    const plain = histograms(x, [8, 8]);
    const scale = tensor(Float32Array.of(0.5, 2, 4), [1, 3, 1, 1]); // powers of two, so that no edge is rounded over a border
    expect(largest(histograms(x.mul(scale), [8, 8]).sub(plain))).toBeLessThan(1e-6);
    expect(histograms(x.neg(), [8, 8]).toArray()).toEqual(plain.toArray());
    // At the border nothing changes along x: such pixels stand between two bins, and stay in the first.
    const inner = (found: Tensor): Tensor => found.slice(4, 1, 3);
    const mirrored = histograms(x.flip([3]), [8, 8]).flip([2, 4]);
    expect(largest(inner(mirrored).sub(inner(plain)))).toBeLessThan(1e-6);
    const norms = plain.pow(2).sum([2]).toNumbers();
    for (const norm of norms) expect(norm).toBeCloseTo(1, 5);
    expect(plain.amin([]).item()).toBe(0);
  });
});

test("predicting nothing costs a ninth; strokes are drawn along the edge, where the histogram says", () => {
  using target = new HogTarget([16, 16], 1, 1);
  scope(() => {
    const textured = new Rng(3, "texture", 0, [0]).normal([1, 32, 32]);
    const wanted = target.call(textured); // [1 4 9]
    expect(target.loss(wanted.mul(0), wanted).item()).toBeCloseTo(target.baseline(), 6);
    const edge = drawn(16, (_, __, j) => j, 1); // brighter to the right: the edge runs down
    const strokes = target.pixels(target.call(edge)).reshape([16, 16]);
    const columns = strokes.mean([0]).toNumbers();
    expect(columns.indexOf(Math.max(...columns))).toBe(7);
    expect(Math.max(...columns)).toBeGreaterThan(columns[0] as number);
    expect(strokes.select(1, 7).amax([]).item()).toBe(strokes.select(1, 7).amin([]).item()); // from edge to edge
  });
});

test("cells that do not divide a patch are refused", () => {
  expect(() => new HogTarget([5, 5], 3, 2)).toThrow(
    "in method.cells: a patch of 5 × 5 pixels does not divide into 2 × 2 cells. Take 1: one histogram for the whole patch.",
  );
});
