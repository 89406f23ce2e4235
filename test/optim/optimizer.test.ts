import { describe, expect, it } from "vitest";
import { CheckpointError } from "../../src/engine/errors.js";
import { scope } from "../../src/engine/scope.js";
import { ConfigError } from "../../src/errors.js";
import { AdamW } from "../../src/optim/adamw.js";
import type { RawEntry, StateEntry } from "../../src/optim/optimizer.js";
import { Sgd } from "../../src/optim/sgd.js";
import { dispose, parameters, run, twoGroups } from "./reference.js";

const betas: [number, number] = [0.9, 0.95];

function caught(body: () => void): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("an optimiser's state", () => {
  it.each(["at hand", "read in turn"])("loads the bytes of a file, %s", (how) => {
    const named = parameters();
    using source = new Sgd(twoGroups(named, 0), { momentum: 0.9 });
    run(source, named);
    const raw = new Map<string, RawEntry>();
    for (const [key, tensor] of source.state()) {
      const data = how === "at hand" ? tensor.toBytes() : () => tensor.toBytes();
      raw.set(key, { dtype: tensor.dtype === "int64" ? "I64" : "F32", shape: tensor.shape, data });
    }
    using target = new Sgd(twoGroups(named, 0), { momentum: 0.9 });
    target.load(raw);
    expect(target.stepCount).toBe(6);
    const key = "momentum_buffer/p1";
    expect(target.state().get(key)?.toNumbers()).toEqual(source.state().get(key)?.toNumbers());
    expect(target.state().get(key)).not.toBe(source.state().get(key)); // copied, not shared
    dispose(named);
  });

  it("names every key that is missing or unexpected", () => {
    const named = parameters();
    using optimizer = new AdamW(twoGroups(named, 0), { betas, epsilon: 1e-8 });
    const entries = new Map<string, StateEntry>(optimizer.state());
    entries.delete("exp_avg/p1");
    entries.set("momentum_buffer/p1", { dtype: "F32", shape: [4], data: new Uint8Array(16) });
    const error = caught(() => optimizer.load(entries)) as CheckpointError;
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.expected).toEqual(["exp_avg/p1"]);
    expect(error.actual).toEqual(["momentum_buffer/p1"]);
    expect(error.message).toBe(
      "the optimiser's state does not fit: 1 missing (exp_avg/p1), 1 unexpected (momentum_buffer/p1). " +
        "Resume with the model and the optimiser that the run was started with.",
    );
    dispose(named);
  });

  it.each([
    ["another shape", { dtype: "F32", shape: [4, 3], data: new Uint8Array(48) }, "float32 [4 3]"],
    ["another type", { dtype: "BF16", shape: [3, 4], data: new Uint8Array(24) }, "BF16 [3 4]"],
    ["too few bytes", { dtype: "F32", shape: [3, 4], data: new Uint8Array(47) }, "float32 [3 4] in 47 bytes"],
  ])("refuses %s and changes nothing", (_, wrong, actual) => {
    const named = parameters();
    using source = new Sgd(twoGroups(named, 0), { momentum: 0.9 });
    run(source, named);
    using target = new Sgd(twoGroups(named, 0), { momentum: 0.9 });
    const entries = new Map<string, StateEntry>(source.state()).set("momentum_buffer/p0", wrong);
    const error = caught(() => target.load(entries)) as CheckpointError;
    expect(error).toMatchObject({
      code: "optimizer-shape",
      path: "momentum_buffer/p0",
      expected: "float32 [3 4]",
      actual,
    });
    expect(target.stepCount).toBe(0);
    expect(target.state().get("momentum_buffer/p1")?.toNumbers()).toEqual([0, 0, 0, 0]);
    dispose(named);
  });

  it("refuses a parameter given twice", () => {
    const named = parameters();
    const groups = [...twoGroups(named, 0), ...twoGroups(named, 0)];
    const error = caught(() => new Sgd(groups, { momentum: 0 }));
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toBe("in p0: the parameter p0 was given twice.");
    dispose(named);
  });
});

describe("zeroGrad", () => {
  it("sets gradients to none", () =>
    scope(() => {
      const named = parameters();
      using optimizer = new Sgd(twoGroups(named, 0), { momentum: 0 });
      run(optimizer, named, 0, 1);
      expect(named[0]?.tensor.grad).toBeDefined();
      optimizer.zeroGrad();
      for (const { tensor } of named) expect(tensor.grad).toBeUndefined();
      dispose(named);
    }));
});
