import { describe, expect, it } from "vitest";
import { liveTensors, scope } from "../../../src/engine/scope.js";
import { featureSpread } from "../../../src/evaluate/features/rank.js";
import { eye, ones, zeros } from "../../../src/tensor/creation.js";
import { tensor } from "../../../src/tensor/tensor.js";
import { allFeatures, numbers, reference } from "../reference.js";

describe("featureSpread", () => {
  it("agrees with numpy's singular values", () => {
    const live = liveTensors();
    scope(() => {
      const spread = featureSpread(allFeatures());
      expect(spread.effectiveRank).toBeCloseTo(reference.effectiveRank, 6);
      expect(spread.deviation).toBeCloseTo(reference.deviation, 10);
      expect(spread.isotropicDeviation).toBeCloseTo(1 / Math.sqrt(8), 12);
    });
    expect(liveTensors()).toBe(live);
  });

  it("is full for a basis, 1 for a collapsed encoder, and the same for wide and tall", () => {
    scope(() => {
      expect(featureSpread(eye(12)).effectiveRank).toBeCloseTo(12, 6);
      const collapsed = featureSpread(ones([50, 6]));
      expect(collapsed.effectiveRank).toBeCloseTo(1, 3);
      expect(collapsed.deviation).toBeLessThan(1e-7);
      expect(featureSpread(zeros([5, 3])).effectiveRank).toBe(1);
      const wide = tensor(numbers(60), [5, 12]);
      expect(featureSpread(wide).effectiveRank).toBeCloseTo(featureSpread(wide.transpose(0, 1)).effectiveRank, 6);
    });
  });

  it("has the isotropic deviation for features that point everywhere alike", () => {
    scope(() => {
      const { deviation, isotropicDeviation } = featureSpread(tensor(numbers(4000 * 16), [4000, 16]));
      expect(deviation / isotropicDeviation).toBeCloseTo(1, 2);
    });
  });
});
