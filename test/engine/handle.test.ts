import { describe, expect, test } from "vitest";
import { binding } from "../../src/engine/binding.js";
import { DisposedError, EngineError, StateError } from "../../src/engine/errors.js";
import { autocast, noGrad } from "../../src/engine/modes.js";
import { record } from "../../src/engine/record.js";
import { scope } from "../../src/engine/scope.js";
import { LacunaError } from "../../src/errors.js";
import { zeros } from "../../src/tensor/creation.js";
import { backward, gradients } from "../../src/tensor/grad.js";
import { aten, type Tensor, tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "./leaks.js";

/** Ways to hand a tensor to the engine: in every position. */
const uses: Record<string, (dead: Tensor, live: Tensor) => unknown> = {
  "the first argument": (dead) => dead.exp(),
  "the second argument": (dead, live) => live.add(dead),
  "an optional argument": (dead, live) => aten("linear", live, live, dead),
  "the head of a list": (dead, live) => aten("cat", [dead, live]),
  "the end of a list": (dead, live) => aten("stack", [live, live, dead]),
  "the second list": (dead, live) => aten("_foreach_add_.List", [live], [dead]),
  "an option": (dead, live) =>
    aten("_fused_sgd_", [live], [live], [live], {
      weight_decay: 0,
      momentum: 0,
      lr: 0,
      dampening: 0,
      nesterov: false,
      maximize: false,
      is_first_step: false,
      grad_scale: dead,
    }),
  "the target of an in-place operation": (dead) => dead.add_(1),
  "the source of an in-place operation": (dead, live) => live.copy_(dead),
  "item()": (dead) => dead.item(),
  "toArray()": (dead) => dead.toArray(),
  "toBytes()": (dead) => dead.toBytes(),
  shape: (dead) => dead.shape,
  dtype: (dead) => dead.dtype,
  device: (dead) => dead.device,
  requiresGrad: (dead) => dead.requiresGrad,
  "setRequiresGrad()": (dead) => dead.setRequiresGrad(true),
  "setBytes()": (dead) => dead.setBytes(new Float32Array(2)),
  "reading .grad": (dead) => dead.grad,
  "writing .grad": (dead, live) => {
    dead.grad = live;
  },
  "the value of .grad": (dead, live) => {
    live.grad = dead;
  },
  "backward()": (dead) => backward(dead),
  "outputs of gradients()": (dead, live) => gradients([dead], [live]),
  "inputs of gradients()": (dead, live) => gradients([live], [dead]),
  "incoming gradients": (dead, live) => gradients([live], [live], [dead]),
};

/** States in which the use may happen; each runs it. */
const states: Record<string, (body: () => unknown) => unknown> = {
  plain: (body) => body(),
  "no-grad": (body) => noGrad(body),
  autocast: (body) => autocast("bfloat16", body),
  recording: (body) => record(body),
  "no-grad and recording": (body) => noGrad(() => record(body)),
};

const ends: Record<string, (device: string) => Tensor> = {
  "whose scope ended": (device) => {
    let made: Tensor | undefined;
    scope(() => {
      made = zeros([1], { device });
    });
    return made as Tensor;
  },
  "that was disposed": (device) => {
    const made = zeros([1], { device });
    made.dispose();
    return made;
  },
};

describe("a tensor after its end", () => {
  leavesNoTensors();

  for (const [end, make] of Object.entries(ends)) {
    for (const [state, within] of Object.entries(states)) {
      test.each(Object.keys(uses))(`${end}, ${state}: %s`, (name) => {
        for (const device of ["cpu", "meta"]) {
          scope(() => {
            const [dead, live] = [make(device), zeros([1], { device })];
            let thrown: unknown;
            try {
              within(() => uses[name]?.(dead, live));
            } catch (error) {
              thrown = error;
            }
            // While recording, changing in place and reading are refused before the tensor is looked at.
            const refused = state.includes("recording") && thrown instanceof StateError;
            if (!refused) {
              expect(thrown).toBeInstanceOf(DisposedError);
              expect((thrown as Error).message).toContain("made by zeros whose scope has ended");
            }
          });
        }
      });
    }
  }

  test("the error names what was called, what made the tensor, and what to do", () => {
    const x = scope(() => [zeros([2]).exp()].map((t) => ({ id: t.id, t })))[0]?.t as Tensor;
    x.dispose();
    const attempt = (): unknown => scope(() => zeros([2]).add(x));
    expect(attempt).toThrow(
      "add.Tensor was given a tensor made by exp whose scope has ended. Return it from the scope (or module) that made it; " +
        "to keep state across calls, copy into a buffer with copy_.",
    );
    expect(() => scope(() => x.item())).toThrow("reading was given a tensor made by exp");
    try {
      scope(attempt);
    } catch (error) {
      expect(error).toMatchObject({
        name: "DisposedError",
        code: "disposed",
        expected: "a live tensor",
        actual: "exp",
      });
    }
  });

  test("its slot is used again, and the old handle never reaches the new tensor", () => {
    const old: Tensor[] = [];
    for (let round = 0; round < 50; round++) {
      scope(() => {
        const fresh = tensor(Float32Array.of(round));
        expect(old.every((t) => !t.alive && t.id !== fresh.id)).toBe(true);
        for (const stale of old) expect(() => stale.item()).toThrow(DisposedError);
        expect(fresh.item()).toBe(round);
        old.push(fresh);
      });
    }
    const slots = new Set(old.map(({ id }) => id % 2 ** 24));
    expect(slots.size).toBe(1);
  });

  test("disposing what a scope has freed does not free the slot's next tensor", () => {
    const stale = ends["whose scope ended"]?.("cpu") as Tensor;
    using next = tensor(Float32Array.of(7));
    stale.dispose();
    stale[Symbol.dispose]();
    expect(next.item()).toBe(7);
  });

  test("freeing the gradient's handle leaves the gradient", () => {
    using x = zeros([2]).setRequiresGrad(true);
    scope(() => backward(x.sum()));
    using first = x.grad as Tensor;
    first.dispose();
    using second = x.grad as Tensor;
    expect(second.toNumbers()).toEqual([1, 1]);
  });
});

describe("a live tensor in the wrong state", () => {
  leavesNoTensors();

  test("no values on meta", () =>
    scope(() => {
      const x = zeros([1], { device: "meta" });
      expect(() => x.item()).toThrow(EngineError);
      expect(() => x.toArray()).toThrow(EngineError);
      expect(() => x.add(zeros([1]))).toThrow(LacunaError);
    }));

  test("no backward without gradients", () =>
    scope(() => {
      const x = zeros([1]).setRequiresGrad(true);
      expect(() => backward(noGrad(() => x.mul(2)))).toThrow(/^backward: .*does not require grad/);
      expect(() => backward(zeros([1]))).toThrow(EngineError);
      expect(() => backward(x.mul(zeros([3])))).toThrow(/^backward: .*scalar outputs. Arguments: \[3\]\.$/);
      expect(() => backward(x.exp().detach())).toThrow(EngineError);
    }));

  test("the graph is gone after backward", () =>
    scope(() => {
      const loss = zeros([2]).setRequiresGrad(true).exp().sum();
      backward(loss);
      expect(() => backward(loss)).toThrow(/^backward: Trying to backward through the graph a second time/);
    }));

  test("a leaf that wants a gradient is not changed in place, but inside noGrad it is", () =>
    scope(() => {
      const x = zeros([2]).setRequiresGrad(true);
      expect(() => x.add_(1)).toThrow(/^add_.Scalar: .*leaf Variable/);
      expect(noGrad(() => x.add_(1)).toNumbers()).toEqual([1, 1]);
    }));

  test("a value that backward needs and that was changed is an error, not a wrong gradient", () =>
    scope(() => {
      const x = zeros([2]).setRequiresGrad(true);
      const y = x.add(1);
      const loss = y.mul(y).sum();
      y.zero_();
      expect(() => backward(loss)).toThrow(/modified by an inplace operation/);
    }));

  test("a gradient of another shape, type or device is refused", () =>
    scope(() => {
      const x = zeros([2, 3]);
      for (const wrong of [zeros([3, 2]), zeros([2, 3], { dtype: "float64" }), zeros([2, 3], { device: "meta" })]) {
        expect(() => {
          x.grad = wrong;
        }).toThrow(/^grad: a tensor .* cannot have a gradient/);
      }
      expect(x.grad).toBeUndefined();
      x.grad = zeros([2, 3]);
      expect((x as { grad: Tensor | undefined }).grad?.shape).toEqual([2, 3]);
      x.grad = undefined;
      expect(x.grad).toBeUndefined();
    }));

  test("whole numbers have no gradients", () =>
    scope(() => {
      expect(() => zeros([1], { dtype: "int64" }).setRequiresGrad(true)).toThrow(/^setRequiresGrad: .*floating point/);
      expect(() => zeros([1]).setRequiresGrad(true).exp().setRequiresGrad(false)).toThrow(EngineError);
    }));

  test("the addon itself takes no stale handle for none", () => {
    for (const handle of [0, -1, Number.NaN, 1e300]) {
      expect(() => binding().backward([handle], null, false)).toThrow(expect.objectContaining({ code: "DISPOSED" }));
    }
  });
});
