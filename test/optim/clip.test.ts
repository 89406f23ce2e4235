import { describe, expect, it } from "vitest";
import { liveTensors, scope } from "../../src/engine/scope.js";
import { clipEachGradient, clipGradientNorm, gradientNorm } from "../../src/optim/clip.js";
import { dispose, parameters, reference, setGradients } from "./reference.js";

describe("clipGradientNorm", () => {
  it.each(reference.clip)("clips at $maximum as PyTorch does", ({ maximum, norm, gradients }) => {
    const named = parameters();
    setGradients(named, 1);
    const live = liveTensors();
    scope(() => {
      expect(gradientNorm(named).item()).toBeCloseTo(norm, 6);
      expect(clipGradientNorm(named, maximum).item()).toBeCloseTo(norm, 6);
      for (const [p, { tensor }] of named.entries()) {
        const actual = tensor.grad?.toNumbers() ?? null;
        expect(actual === null).toBe(gradients[p] === null);
        for (const [i, value] of (actual ?? []).entries()) expect(value).toBeCloseTo(gradients[p]?.[i] as number, 7);
      }
    });
    expect(liveTensors()).toBe(live);
    dispose(named);
  });

  it("is zero without gradients", () => {
    const named = parameters();
    scope(() => {
      expect(gradientNorm(named).item()).toBe(0);
      expect(clipGradientNorm(named, 1).item()).toBe(0);
    });
    dispose(named);
  });
});

describe("clipEachGradient", () => {
  it("shortens each gradient that is too long, and no other", () => {
    const named = parameters();
    setGradients(named, 1);
    scope(() => {
      const before = named.map(({ tensor }) => tensor.grad?.clone());
      const norms = before.map((gradient) => gradient?.norm().item() ?? 0);
      const maximum = [...norms].sort((a, b) => a - b)[Math.floor(norms.length / 2)] as number;
      expect(norms.some((norm) => norm > 1.01 * maximum)).toBe(true);
      expect(clipEachGradient(named, maximum).item()).toBeCloseTo(Math.max(...norms), 6);
      for (const [i, { tensor }] of named.entries()) {
        const factor = Math.min(1, maximum / ((norms[i] ?? 0) + 1e-6));
        const expected = before[i]?.mul(factor).toNumbers();
        expect(tensor.grad?.toNumbers().map((value) => value.toFixed(6))).toEqual(
          expected?.map((value) => value.toFixed(6)),
        );
      }
    });
    dispose(named);
  });

  it("is zero without gradients", () => {
    const named = parameters();
    scope(() => expect(clipEachGradient(named, 1).item()).toBe(0));
    dispose(named);
  });
});
