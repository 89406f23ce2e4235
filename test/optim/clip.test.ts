import { describe, expect, it } from "vitest";
import { liveTensors, scope } from "../../src/engine/scope.js";
import { clipGradientNorm, gradientNorm } from "../../src/optim/clip.js";
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
