import { describe, expect, test } from "vitest";
import { binding } from "../../src/engine/binding.js";
import { EngineError } from "../../src/engine/errors.js";
import {
  autocast,
  autocastState,
  enableGrad,
  gradEnabled,
  noGrad,
  setThreads,
  threads,
} from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import { ConfigError } from "../../src/errors.js";
import { full, ones } from "../../src/tensor/creation.js";
import { layerNorm, linear } from "../../src/tensor/functional.js";
import { backward } from "../../src/tensor/grad.js";
import { aten, type Tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "./leaks.js";

const fails = (): never => {
  throw new Error("on purpose");
};

describe("noGrad and enableGrad", () => {
  leavesNoTensors();

  test("nest, and are undone", () => {
    expect(gradEnabled()).toBe(true);
    noGrad(() => {
      expect(gradEnabled()).toBe(false);
      enableGrad(() => {
        expect(gradEnabled()).toBe(true);
        noGrad(() => expect(gradEnabled()).toBe(false));
        expect(gradEnabled()).toBe(true);
      });
      expect(gradEnabled()).toBe(false);
    });
    expect(gradEnabled()).toBe(true);
  });

  test("are undone by an exception", () => {
    expect(() => noGrad(() => enableGrad(fails))).toThrow("on purpose");
    expect(gradEnabled()).toBe(true);
    noGrad(() => {
      expect(() => enableGrad(() => noGrad(fails))).toThrow("on purpose");
      expect(gradEnabled()).toBe(false);
    });
    expect(gradEnabled()).toBe(true);
  });

  test("decide whether there is a graph", () =>
    scope(() => {
      const x = ones([2]).setRequiresGrad(true);
      expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false);
      expect(noGrad(() => enableGrad(() => x.mul(2))).requiresGrad).toBe(true);
    }));
});

describe("autocast", () => {
  leavesNoTensors();
  const weight = (): Tensor => full([2, 3], 0.5).setRequiresGrad(true);

  test("linear of float32 gives bfloat16, and a float32 gradient", () =>
    scope(() => {
      const w = weight();
      const y = autocast("bfloat16", () => linear(ones([4, 3]), w, null));
      expect([y.dtype, y.toNumbers()[0]]).toEqual(["bfloat16", 1.5]);
      backward(y.float().sum());
      expect([w.grad?.dtype, w.grad?.toNumbers()]).toEqual(["float32", new Array(6).fill(4)]);
    }));

  test("norms and softmax keep the type that they are given", () =>
    scope(() =>
      autocast("bfloat16", () => {
        const half = ones([2, 4], { dtype: "bfloat16" });
        expect(layerNorm(half, [4], null, null, 1e-6).dtype).toBe("bfloat16");
        expect(layerNorm(ones([2, 4]), [4], null, null, 1e-6).dtype).toBe("float32");
        expect(half.softmax(-1).dtype).toBe("bfloat16");
        expect(ones([2]).add(1).dtype).toBe("float32");
      }),
    ));

  test("a weight changed in place between two regions is seen by the second", () =>
    scope(() => {
      const w = weight();
      const output = (): number | undefined => autocast("bfloat16", () => linear(ones([1, 3]), w, null)).toNumbers()[0];
      expect(output()).toBe(1.5);
      noGrad(() => w.fill_(2));
      expect(output()).toBe(6);
      w.setBytes(new Float32Array(6).fill(3));
      expect(output()).toBe(9);
    }));

  test("the copy of a weight is made once in a region, and ends with the outermost", () =>
    scope(() => {
      const w = weight();
      const output = (): number | undefined => aten("linear", ones([1, 3]), w, null).toNumbers()[0];
      autocast("bfloat16", () => {
        expect(output()).toBe(1.5);
        w.setBytes(new Float32Array(6).fill(2));
        autocast("bfloat16", output);
        expect(output()).toBe(1.5); // still the copy: an optimiser must not step inside a region
      });
      expect(autocast("bfloat16", output)).toBe(6);
    }));

  test("regions nest, float32 switches off, and all is as it was afterwards", () =>
    scope(() => {
      const dtype = (): string => linear(ones([1, 3]), weight(), null).dtype;
      expect(autocastState()).toBeUndefined();
      autocast("bfloat16", () => {
        expect(dtype()).toBe("bfloat16");
        autocast("float32", () => {
          expect(dtype()).toBe("float32");
          autocast("bfloat16", () => expect(dtype()).toBe("bfloat16"));
          expect(autocastState()).toEqual({ dtype: "float32", device: "cpu" });
          expect(dtype()).toBe("float32");
        });
        expect(dtype()).toBe("bfloat16");
      });
      expect(dtype()).toBe("float32");
      expect(autocastState()).toBeUndefined();
    }));

  test("an exception ends the region", () =>
    scope(() => {
      expect(() => autocast("bfloat16", () => autocast("float32", fails))).toThrow("on purpose");
      expect(autocastState()).toBeUndefined();
      expect(linear(ones([1, 3]), weight(), null).dtype).toBe("float32");
      expect(() => binding().leaveAutocast("cpu")).toThrow("no autocast region is open");
    }));

  test("a type or a device that there is not leaves no region open", () => {
    expect(() => autocast("bf16" as never, fails)).toThrow(ConfigError);
    expect(() => autocast("bfloat16", fails, "gpu")).toThrow(EngineError);
    expect(() => autocast("bfloat16", fails, "meta")).toThrow(/^autocast: /);
    expect(autocastState()).toBeUndefined();
    expect(() => binding().leaveAutocast("cpu")).toThrow("no autocast region is open");
  });

  test("gradients that were cast are added up in float32", () =>
    scope(() => {
      const w = weight();
      for (let i = 0; i < 3; i++)
        backward(
          autocast("bfloat16", () =>
            linear(ones([1, 3]), w, null)
              .float()
              .sum(),
          ),
        );
      expect([w.grad?.dtype, w.grad?.toNumbers()[0]]).toEqual(["float32", 3]);
    }));

  test("float32 work stays float32 when backward is called inside a region", () =>
    scope(() => {
      const w = weight();
      const x = full([5, 3], 1 / 3);
      const gradient = (run: (loss: Tensor) => void): number[] | undefined => {
        run(linear(x, w, null).pow(2).sum());
        const numbers = w.grad?.toNumbers();
        w.grad = undefined;
        return numbers;
      };
      const expected = gradient(backward);
      expect(gradient((loss) => autocast("bfloat16", () => backward(loss)))).toEqual(expected);
    }));
});

describe("threads", () => {
  test("are what was set", () => {
    const before = threads();
    try {
      setThreads(1);
      expect(threads()).toBe(1);
      for (const wrong of [0, -1, 1.5, 1e9]) expect(() => setThreads(wrong)).toThrow(EngineError);
      expect(threads()).toBe(1);
    } finally {
      setThreads(before);
    }
  });
});
