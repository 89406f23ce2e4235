import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/engine/errors.js";
import { noGrad } from "../../src/engine/modes.js";
import { liveTensors } from "../../src/engine/scope.js";
import { averageInto, ParameterAverage } from "../../src/optim/average.js";
import { dispose, expectValues, parameters, reference } from "./reference.js";

describe("ParameterAverage", () => {
  it("follows the parameters as PyTorch's AveragedModel does", () => {
    const named = parameters();
    const live = liveTensors();
    const { decay, steps, after } = reference.average;
    using average = new ParameterAverage(named);
    for (let t = 0; t < steps; t++) {
      noGrad(() => {
        for (const { tensor } of named) tensor.add_(t + 1);
      });
      average.update(decay);
    }
    expectValues(average.tensors, after, 2e-6);
    expect(average.tensors.map(({ name }) => name)).toEqual(["p0", "p1", "p2"]);
    expect(average.tensors.some(({ tensor }) => tensor.requiresGrad)).toBe(false);
    average.close();
    expect(liveTensors()).toBe(live);
    dispose(named);
  });
});

describe("averageInto", () => {
  it("refuses lists of different length", () => {
    const named = parameters();
    const tensors = named.map(({ tensor }) => tensor);
    expect(() => averageInto(tensors, tensors.slice(1), 0.9)).toThrow(ShapeError);
    dispose(named);
  });
});
