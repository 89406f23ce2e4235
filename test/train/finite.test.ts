import { expect, test } from "vitest";
import { KeyedRandom } from "../../src/data/random.js";
import { scope } from "../../src/engine/scope.js";
import type { Parameter } from "../../src/nn/parameter.js";
import { zeros } from "../../src/tensor/creation.js";
import { tensor } from "../../src/tensor/tensor.js";
import { parseConfig } from "../../src/train/config.js";
import { findNonFinite, findNonFiniteGradient, NonFiniteError } from "../../src/train/finite.js";
import type { TrainingBatch } from "../../src/train/loop/task.js";
import type { Trainer } from "../../src/train/trainer.js";
import { tinyRun, trainerOf, vitOf } from "./example.js";

function batch(): TrainingBatch {
  const random = new KeyedRandom({ seed: 1, purpose: "pixels", epoch: 0, sample: 0 });
  const data = Uint8Array.from({ length: 8 * 16 * 16 * 3 }, () => 255 * random.uniform());
  return {
    epoch: 0,
    samples: [10, 11, 12, 13, 14, 15, 16, 17],
    views: { image: { data, height: 16, width: 16, channels: 3 } },
  };
}

function set(parameter: Parameter | null | undefined, value: number): void {
  parameter?.setBytes(new Float32Array(parameter.size).fill(value));
}

function failing(spoil: (trainer: Trainer) => void): NonFiniteError {
  const config = parseConfig(tinyRun("nowhere"));
  const trainer = trainerOf(config, 24);
  spoil(trainer);
  const before = vitOf(trainer).norm.weight.toNumbers();
  try {
    trainer.step(batch(), 1);
  } catch (error) {
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(vitOf(trainer).norm.weight.toNumbers()).toEqual(before); // nothing was updated
    return error as NonFiniteError;
  } finally {
    trainer.close();
  }
  throw new Error("the step went through");
}

test("a parameter that is not a number is named, with the batch's pictures", () => {
  const error = failing((trainer) => set(vitOf(trainer).blocks.links[1]?.mlp.fc1.bias, Number.NaN));
  expect(error.path).toBe("blocks.1.mlp.fc1.bias");
  expect(error.samples).toEqual([10, 11, 12, 13, 14, 15, 16, 17]);
  expect(error.message).toContain("the loss is not finite at step 1: the parameter is not finite");
});

test("the first layer that overflows is named by its path", () => {
  const error = failing((trainer) => {
    const encoder = vitOf(trainer);
    set(encoder.blocks.links[0]?.mlp.fc1.weight, 1e38);
    set(encoder.blocks.links[0]?.norm2.bias, 1e3);
  });
  expect(error.path).toBe("mae.encoder.blocks.0.mlp.fc1");
});

test("pictures that are not finite, and a state in which all is well when run again", () => {
  scope(() => {
    const state = { state: () => new Map() };
    expect(findNonFinite(state, [tensor(new Float32Array([1, Number.NaN]))], () => {}).path).toBe("data");
    expect(findNonFinite(state, [zeros([2])], () => {}).what).toContain("finite when run again");
  });
});

test("a gradient that is not finite", () => {
  scope(() => {
    const [a, b] = [zeros([2]).setRequiresGrad(true), zeros([2]).setRequiresGrad(true)];
    a.grad = zeros([2]);
    b.grad = tensor(new Float32Array([0, Number.POSITIVE_INFINITY]));
    expect(
      findNonFiniteGradient([
        { name: "a", tensor: a },
        { name: "b", tensor: b },
      ]),
    ).toBe("b");
  });
});
