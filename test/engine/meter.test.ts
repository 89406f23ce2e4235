import { expect, test } from "vitest";
import { meterMemory } from "../../src/engine/meter.js";
import { scope } from "../../src/engine/scope.js";
import { zeros } from "../../src/tensor/creation.js";

test("the peak is what was there at once, views count nothing, and what stays is told", () =>
  scope(() => {
    const before = zeros([1000]);
    const { result, peakBytes, keptBytes } = meterMemory(() => {
      scope(() => void zeros([3000]).neg()); // 12,000 + 12,000 bytes, gone afterwards
      return zeros([2000]).reshape([2, 1000]);
    });
    expect(result.shape).toEqual([2, 1000]);
    expect([peakBytes, keptBytes]).toEqual([24_000, 8000]);
    expect(meterMemory(() => before.reshape([10, 100])).peakBytes).toBe(0);
  }));

test("what throws ends the count too", () => {
  expect(() =>
    meterMemory(() => {
      throw new RangeError("x");
    }),
  ).toThrow("x");
  expect(meterMemory(() => 1).peakBytes).toBe(0);
});
