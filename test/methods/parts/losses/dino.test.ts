import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import { dinoLoss } from "../../../../src/methods/parts/losses/dino.js";
import { backward } from "../../../../src/tensor/grad.js";
import { Rng } from "../../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../../src/tensor/tensor.js";
import { leavesNoTensors } from "../../../engine/leaks.js";

leavesNoTensors();

/** Rows of a fixed pattern, which any language can make. */
function pattern(rows: number, width: number, phase: number): Tensor {
  const at = (i: number, j: number): number => Math.sin(0.7 * i + 1.3 * j * (1 + 0.1 * i) + phase);
  const numbers = Float32Array.from({ length: rows * width }, (_, k) => at(Math.floor(k / width), k % width));
  return tensor(numbers, [rows, width]);
}

const usual = { studentTemperature: 0.1, teacherTemperature: 0.04, pictures: 2 };
/** Two large crops of two pictures, and a small one of each. */
const loss = (changes: object = {}) =>
  dinoLoss(pattern(6, 6, 1.1), pattern(4, 6, 0.3), { ...usual, centre: pattern(1, 6, 0).mul(0.1), ...changes });

test("golden losses on fixed numbers, by NumPy: four pairs of different crops", () =>
  scope(() => {
    expect(loss().loss.item()).toBeCloseTo(13.524416, 4);
    expect(loss({ centre: pattern(1, 6, 0).mul(0) }).loss.item()).toBeCloseTo(12.910926, 4);
    expect(loss({ teacherTemperature: 0.07 }).loss.item()).toBeCloseTo(13.52253, 4);
    expect(loss().entropy.item()).toBeCloseTo(0.150657, 5);
  }));

test("it is entropy and divergence; what is added to centre and scores alike changes nothing", () =>
  scope(() => {
    const { loss: total, entropy, divergence } = loss();
    expect(entropy.item() + divergence.item()).toBeCloseTo(total.item(), 5);
    const shift = pattern(1, 6, 2);
    const shifted = dinoLoss(pattern(6, 6, 1.1), pattern(4, 6, 0.3).add(shift), {
      ...usual,
      centre: pattern(1, 6, 0).mul(0.1).add(shift),
    });
    expect(shifted.loss.item()).toBeCloseTo(total.item(), 4);
  }));

test("teachers that say nothing: uniform, one output for all, and the same mixture for all", () =>
  scope(() => {
    const student = pattern(6, 6, 1.1);
    const judge = (row: readonly number[]) => {
      const teacher = tensor(
        Float32Array.from({ length: 24 }, (_, i) => row[i % 6] ?? 0),
        [4, 6],
      );
      return dinoLoss(student, teacher, { ...usual, centre: pattern(1, 6, 0).mul(0) });
    };
    const uniform = judge([0, 0, 0, 0, 0, 0]);
    expect(uniform.entropy.item()).toBeCloseTo(Math.log(6), 5);
    const single = judge([9, 0, 0, 0, 0, 0]);
    expect(single.entropy.item()).toBeCloseTo(0, 5);
    for (const { information } of [uniform, single, judge([0.1, 0, 0.05, 0, 0, 0.1])])
      expect(information.item()).toBeCloseTo(0, 5);
    // Two outputs, each for half of the pictures: one bit.
    const two = tensor(
      Float32Array.from({ length: 24 }, (_, i) => (i % 6 === Math.floor(i / 6) % 2 ? 9 : 0)),
      [4, 6],
    );
    const told = dinoLoss(student, two, { ...usual, centre: pattern(1, 6, 0).mul(0) });
    expect(told.information.item()).toBeCloseTo(Math.log(2), 5);
  }));

test("no gradient flows into the teacher", () =>
  scope(() => {
    const draw = (name: string, rows: number): Tensor => new Rng(1, name, 0, [0]).normal([rows, 6]).reshape([rows, 6]);
    const student = draw("s", 6).setRequiresGrad(true);
    const teacher = draw("t", 4).setRequiresGrad(true);
    backward(dinoLoss(student, teacher, { ...usual, centre: pattern(1, 6, 0) }).loss);
    expect(teacher.grad).toBeUndefined();
    expect((student.grad as Tensor).abs().amax([]).item()).toBeGreaterThan(0);
    student.grad = undefined;
  }));
