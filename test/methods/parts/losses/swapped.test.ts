import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import { sinkhorn } from "../../../../src/methods/parts/losses/sinkhorn.js";
import { swappedCrossEntropy } from "../../../../src/methods/parts/losses/swapped.js";
import { alone } from "../../../../src/methods/world.js";
import { cat } from "../../../../src/tensor/creation.js";
import { normalize } from "../../../../src/tensor/functional.js";
import { type Tensor, tensor } from "../../../../src/tensor/tensor.js";
import { leavesNoTensors } from "../../../engine/leaks.js";

leavesNoTensors();

/** Rows of a fixed pattern, which any language can make. */
function pattern(rows: number, width: number, phase: number): Tensor {
  const at = (i: number, j: number): number => Math.sin(0.7 * i + 1.3 * j * (1 + 0.1 * i) + phase);
  const numbers = Float32Array.from({ length: rows * width }, (_, k) => at(Math.floor(k / width), k % width));
  return tensor(numbers, [rows, width]);
}

test("SwAV's loss of three crops on fixed numbers, by NumPy", () =>
  scope(() => {
    const prototypes = normalize(pattern(3, 5, 2.2)); // [3 5]
    const scores = [0, 0.4, 1.5].map((phase) => normalize(pattern(4, 5, phase)).matmul(prototypes.transpose(0, 1)));
    const codes = scores.slice(0, 2).map((own) => sinkhorn(own, { epsilon: 0.05, iterations: 3, world: alone }));
    const logs = cat(scores, 0).div(0.1).logSoftmax(1).reshape([3, 4, 3]);
    expect(swappedCrossEntropy(logs, cat(codes, 0).reshape([2, 4, 3])).item()).toBeCloseTo(3.845173, 4);
  }));

test("pairs of different crops alone count, each alike", () =>
  scope(() => {
    const logs = pattern(6, 3, 0.2).logSoftmax(1).reshape([3, 2, 3]); // [V B K]
    const targets = pattern(4, 3, 1).softmax(1).reshape([2, 2, 3]); // [G B K]
    const pair = (u: number, v: number): number => -targets.select(0, u).mul(logs.select(0, v)).sum().item() / 2;
    const expected = (pair(0, 1) + pair(0, 2) + pair(1, 0) + pair(1, 2)) / 4;
    expect(swappedCrossEntropy(logs, targets).item()).toBeCloseTo(expected, 5);
  }));
