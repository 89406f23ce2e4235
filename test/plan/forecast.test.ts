import { expect, test } from "vitest";
import "../../src/methods/index.js";
import { forecast } from "../../src/plan/forecast.js";
import { parseConfig } from "../../src/train/config.js";

test("parts add up to a step; reading pictures counts where it is slower than the rest, and memory with the process", () => {
  const config = parseConfig({
    model: { name: "vit", width: 16, depth: 1, heads: 2, patchSize: 8 },
    method: { name: "mae", decoder: { width: 16, depth: 1, heads: 2 } },
    data: { source: { kind: "folder", path: "none" }, imageSize: 32, batchSize: 8 },
    precision: "float32",
  });
  const fast = forecast(config, { processBytes: 1e8 });
  expect(Object.values(fast.step).reduce((a, b) => a + b, 0)).toBeCloseTo(fast.stepSeconds, 12);
  expect(fast.fits).toBe(true);
  expect(fast.remedy).toBeUndefined();
  expect(forecast(config, { processBytes: 1e8, decodedPerSecond: 1 }).stepSeconds).toBeGreaterThan(7);
  const heavier = forecast(config, { processBytes: 2e8 });
  expect(heavier.memory.totalBytes - fast.memory.totalBytes).toBeCloseTo(1e8, -1);
});
