import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { agreementOf, agreementSignal, labelCauses } from "../../../src/methods/supervised/agreement.js";
import { tensor } from "../../../src/tensor/tensor.js";
import { leavesNoTensors } from "../../engine/leaks.js";

leavesNoTensors();

const measured = (answers: readonly number[], labels: readonly number[]): [number, number] =>
  scope(() => {
    const logits = answers.flatMap((answer) => [0, 1].map((c) => (c === answer ? 2 : -1)));
    const label = tensor(BigInt64Array.from(labels, BigInt), [labels.length]);
    const { accuracy, agreement } = agreementOf(tensor(Float32Array.from(logits), [answers.length, 2]), label);
    return [accuracy.item(), agreement.item()];
  });

// Cohen 1960's formula by hand: observed 0.7, by chance 0.6 · 0.5 + 0.4 · 0.5 = 0.5, kappa 0.4.
test("accuracy and Cohen's kappa of the pictures that have a label", () => {
  const labels = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1];
  const answers = [0, 0, 0, 0, 1, 1, 1, 1, 0, 0];
  const [accuracy, agreement] = measured(answers, labels);
  expect(accuracy).toBeCloseTo(0.7, 6);
  expect(agreement).toBeCloseTo(0.4, 6);
  expect(measured([...answers, 1], [...labels, -1])).toEqual([accuracy, agreement]);
});

test("always one answer agrees with nothing", () => {
  expect(measured([1, 1, 1, 1], [1, 1, 1, 0])).toEqual([0.75, 0]);
});

test("what is sick by it names why", () => {
  expect(agreementSignal(labelCauses)).toMatchObject({ name: "agreement", below: 0.08, causes: labelCauses });
});
