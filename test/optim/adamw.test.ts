import { describe, expect, it } from "vitest";
import { liveTensors, scope } from "../../src/engine/scope.js";
import { AdamW, adamwConfig } from "../../src/optim/adamw.js";
import type { NamedTensor } from "../../src/optim/optimizer.js";
import { dispose, expectValues, parameters, reference, run, twoGroups } from "./reference.js";

const options = { betas: [0.9, 0.95] as [number, number], epsilon: 1e-8 };

describe("AdamW", () => {
  it("takes PyTorch's steps: groups, changing rates, a missing gradient", () => {
    const named = parameters();
    using optimizer = new AdamW(twoGroups(named, 0.3), options);
    run(optimizer, named);
    expectValues(named, reference.adamw);
    expect(optimizer.stepCount).toBe(6);
    expect(optimizer.state().get("step/p0")?.item()).toBe(6);
    expect(optimizer.state().get("step/p2")?.item()).toBe(5); // passed over once, its correction too
    dispose(named);
  });

  it("continues from a saved state to the same bits", () =>
    scope(() => {
      const whole = parameters();
      using first = new AdamW(twoGroups(whole, 0.3), options);
      run(first, whole, 0, 3);
      const resumed: NamedTensor[] = whole.map(({ name, tensor }) => ({
        name,
        tensor: tensor.detach().clone().setRequiresGrad(true),
      }));
      using second = new AdamW(twoGroups(resumed, 0.3), options);
      second.load(first.state());
      run(first, whole, 3);
      run(second, resumed, 3);
      for (const [i, { tensor }] of whole.entries()) expect(resumed[i]?.tensor.toNumbers()).toEqual(tensor.toNumbers());
      expect(second.stepCount).toBe(6);
      dispose([...whole, ...resumed]);
    }));

  it("leaves no tensor behind after a step, and frees its state", () => {
    const named = parameters();
    const before = liveTensors();
    const optimizer = new AdamW(twoGroups(named, 0.3), options);
    const open = liveTensors();
    expect(open - before).toBe(1 + 3 * 3);
    run(optimizer, named);
    expect(liveTensors()).toBe(open);
    optimizer.close();
    expect(liveTensors()).toBe(before);
    dispose(named);
  });

  it("has MAE's recipe as its defaults and refuses unknown keys", () => {
    expect(adamwConfig.parse({ name: "adamw" })).toEqual({
      name: "adamw",
      baseLearningRate: 1.5e-4,
      betas: [0.9, 0.95],
      epsilon: 1e-8,
      weightDecay: 0.05,
    });
    expect(() => adamwConfig.parse({ name: "adamw", weight_decay: 0.1 })).toThrow(/weight_decay/);
    expect(() => adamwConfig.parse({ name: "adamw", betas: [0.9, 1] })).toThrow();
  });
});
