import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import { meanCosine } from "../../../../src/methods/parts/losses/cosine.js";
import { backward } from "../../../../src/tensor/grad.js";
import { type Tensor, tensor } from "../../../../src/tensor/tensor.js";
import { leavesNoTensors } from "../../../engine/leaks.js";

leavesNoTensors();

/** Rows of a fixed pattern, which any language can make. */
function pattern(rows: number, width: number, phase: number): Tensor {
  const at = (i: number, j: number): number => Math.sin(0.7 * i + 1.3 * j * (1 + 0.1 * i) + phase);
  const numbers = Float32Array.from({ length: rows * width }, (_, k) => at(Math.floor(k / width), k % width));
  return tensor(numbers, [rows, width]);
}

test("golden cosines, whatever the length of the vectors (SimSiam's loss on fixed numbers, by NumPy)", () =>
  scope(() => {
    const [p1, p2, z1, z2] = [pattern(4, 8, 0), pattern(4, 8, 0.25), pattern(4, 8, 0.5), pattern(4, 8, 1)];
    expect(meanCosine(p1, z2).item()).toBeCloseTo(0.547615, 5);
    expect(meanCosine(p2, z1).item()).toBeCloseTo(0.969463, 5);
    expect(meanCosine(p2.mul(10), z1.mul(0.1)).item()).toBeCloseTo(0.969463, 5);
  }));

test("its gradient is golden and stands upright on each prediction", () =>
  scope(() => {
    const [p, z] = [pattern(4, 8, 0).setRequiresGrad(true), pattern(4, 8, 1)];
    backward(meanCosine(p, z).neg());
    const gradient = p.grad as Tensor;
    expect(gradient.mul(gradient).sum().sqrt().item()).toBeCloseTo(0.208675, 5);
    for (const [i, value] of [-0.055184, -0.01679, 0.046201].entries())
      expect(gradient.toNumbers()[i]).toBeCloseTo(value, 5);
    expect(gradient.mul(p.detach()).sum([1]).abs().amax([0]).item()).toBeLessThan(1e-6);
  }));
