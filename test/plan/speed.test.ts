import { expect, test } from "vitest";
import { estimateGpu } from "../../src/plan/speed.js";

test("operations are two a multiply-add, backward twice forward, over a share of the peak", () => {
  const { hours, imagesPerSecond, decodingHours, decodingCores, basis } = estimateGpu({
    multiplyAdds: 9.67e9, // ViT-B/16 with three quarters hidden, and its decoder
    pictures: 800 * 1_281_167,
  });
  expect(imagesPerSecond).toBeCloseTo((0.3 * 989.4e12) / (6 * 9.67e9), 6);
  expect(hours).toBeCloseTo((800 * 1_281_167 * 6 * 9.67e9) / (0.3 * 989.4e12) / 3600, 6);
  expect(decodingHours / hours).toBeCloseTo(decodingCores, 6);
  expect(basis).toContain("30 %");
  expect(basis).toContain("an assumption");
});
