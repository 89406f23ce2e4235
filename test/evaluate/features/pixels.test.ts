import { describe, expect, it } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { pixelFeatures } from "../../../src/evaluate/features/pixels.js";
import { arange } from "../../../src/tensor/creation.js";

describe("pixelFeatures", () => {
  it("lays small pictures out as they are", () => {
    scope(() => {
      const features = pixelFeatures(arange(0, 24).reshape([2, 3, 2, 2]));
      expect(features.shape).toEqual([2, 12]);
      expect(features.toNumbers()).toEqual(Array.from({ length: 24 }, (_, i) => i));
    });
  });

  it("averages larger ones down", () => {
    scope(() => {
      const features = pixelFeatures(arange(0, 16).reshape([1, 1, 4, 4]), 2);
      expect(features.toNumbers()).toEqual([2.5, 4.5, 10.5, 12.5]);
      expect(pixelFeatures(arange(0, 3 * 64 * 48).reshape([1, 3, 64, 48])).shape).toEqual([1, 3 * 32 * 32]);
      expect(pixelFeatures(arange(0, 16).reshape([1, 1, 2, 8]), 4).shape).toEqual([1, 2 * 4]);
    });
  });
});
