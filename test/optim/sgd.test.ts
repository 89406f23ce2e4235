import { describe, expect, it } from "vitest";
import { liveTensors } from "../../src/engine/scope.js";
import { Sgd, sgdConfig } from "../../src/optim/sgd.js";
import { dispose, expectValues, parameters, reference, run, twoGroups } from "./reference.js";

describe("Sgd", () => {
  for (const [name, { options, after }] of Object.entries(reference.sgd)) {
    it(`takes PyTorch's steps: ${name}`, () => {
      const named = parameters();
      using optimizer = new Sgd(twoGroups(named, options.weight_decay), options);
      const live = liveTensors();
      run(optimizer, named);
      expect(liveTensors()).toBe(live);
      expectValues(named, after);
      expect([...optimizer.state().keys()]).toEqual(
        options.momentum === 0 ? ["step"] : ["step", "momentum_buffer/p0", "momentum_buffer/p2", "momentum_buffer/p1"],
      );
      dispose(named);
    });
  }

  it("refuses a momentum of 1", () => {
    expect(() => sgdConfig.parse({ name: "sgd", momentum: 1 })).toThrow();
    expect(sgdConfig.parse({ name: "sgd" }).momentum).toBe(0.9);
  });
});
