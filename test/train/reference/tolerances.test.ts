import { describe, expect, test } from "vitest";
import { kindOf, tolerancesOf } from "../../../src/train/reference/tolerances.js";

test.each([
  ["loss", "loss"],
  ["part/classification", "parts"],
  ["out/latent", "outputs"],
  ["sparse/features", "outputs"],
  ["grad/norm.bias", "gradients"],
  ["steps.loss", "steps"],
  ["after/norm.bias", "parameters"],
  ["after/projector.1.running_mean", "buffers"],
])("%s is one of the %s", (name, kind) => {
  expect(kindOf(name)).toBe(kind);
});

describe("a tolerance", () => {
  const never = (): never => {
    throw new Error("nothing is to be measured");
  };

  test("is what the file says of the tensor, else of its part, else the floor", () => {
    const tolerance = tolerancesOf({ buffers: 2e-4, "after/a.running_mean": 6e-3 }, never);
    expect(tolerance("after/a.running_mean")).toBe(6e-3);
    expect(tolerance("after/b.running_mean")).toBe(2e-4);
    expect(tolerance("loss")).toBe(1e-5);
    expect(tolerance("grad/a")).toBe(1e-4);
  });

  test("is none for a mask", () => {
    expect(tolerancesOf({ outputs: 1 }, never)("out/mask")).toBe(0);
  });

  test("is thrice the rounding that was measured where the file says nothing, at least the floor, measured once", () => {
    let measured = 0;
    const tolerance = tolerancesOf(undefined, () => {
      measured += 1;
      return [
        new Map([
          ["after/a", 1e-4],
          ["grad/a", 1e-6],
        ]),
        new Map([
          ["after/a", 5e-5],
          ["after/b", 2e-4],
        ]),
      ];
    });
    expect(tolerance("after/a")).toBeCloseTo(6e-4, 12);
    expect(tolerance("grad/b")).toBe(1e-4);
    expect(measured).toBe(1);
  });
});
