import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import { sinkhorn } from "../../../../src/methods/parts/losses/sinkhorn.js";
import { alone } from "../../../../src/methods/world.js";
import { cat, ones, zeros } from "../../../../src/tensor/creation.js";
import { type Tensor, tensor } from "../../../../src/tensor/tensor.js";
import { leavesNoTensors } from "../../../engine/leaks.js";

leavesNoTensors();

const usual = { epsilon: 0.05, iterations: 3, world: alone };
const scores = (): Tensor => tensor(Float32Array.of(0.9, 0.1, 0, 0.8, 0.2, 0.1, 0.7, 0.6, 0, 0.6, 0.1, 0.5), [4, 3]);
const close = (found: Tensor, expected: readonly number[], digits = 5): void => {
  for (const [i, value] of found.toNumbers().entries()) expect(value).toBeCloseTo(expected[i] ?? Number.NaN, digits);
};

test("golden codes of four pictures and three prototypes, by NumPy", () =>
  scope(() => {
    const codes = sinkhorn(scores(), usual);
    const rows = [0.999577, 0.000214, 0.00021, 0.977396, 0.011415, 0.011188, 0.003872, 0.996084, 0.000044, 0.000536];
    close(codes, [...rows, 0.000046, 0.999417]);
    close(codes.sum([1]), [1, 1, 1, 1], 6);
    close(codes.sum([0]), [1.981, 1.008, 1.011], 3);
    close(sinkhorn(scores(), { ...usual, iterations: 100 }).sum([0]), [4 / 3, 4 / 3, 4 / 3], 4);
  }));

test("pictures that are all alike are shared out equally", () =>
  scope(() =>
    close(sinkhorn(tensor(Float32Array.of(0.9, 0.1, 0), [1, 3]).expand([4, 3]), usual), Array(12).fill(1 / 3), 6),
  ));

test("rows that do not count change nothing, whatever is in them", () =>
  scope(() => {
    const all = cat([ones([2, 3]), scores()], 0);
    const counted = cat([zeros([2, 1]), ones([4, 1])], 0);
    const codes = sinkhorn(all, { ...usual, counted });
    close(codes.slice(0, 2), sinkhorn(scores(), usual).toNumbers(), 6);
    expect(codes.slice(0, 0, 2).toNumbers()).toEqual(Array(6).fill(0));
    close(sinkhorn(all, { ...usual, counted: ones([6, 1]) }), sinkhorn(all, usual).toNumbers(), 6);
  }));

test("a small epsilon, whose exponentials float32 does not hold, gives numbers and no gradient", () =>
  scope(() => {
    const codes = sinkhorn(scores().setRequiresGrad(true), { ...usual, epsilon: 0.005 });
    expect(codes.toNumbers().every(Number.isFinite)).toBe(true);
    close(codes.sum([1]), [1, 1, 1, 1], 6);
    expect(codes.requiresGrad).toBe(false);
  }));
