import { expect, test } from "vitest";
import type { Source } from "../../src/data/source.js";
import { machineLimits } from "../../src/engine/limits.js";
import { parseConfig } from "../../src/train/config.js";
import { readingOptions } from "../../src/train/reading.js";

const source = { size: 9, content: { kind: "files", root: "/", paths: [] } } as unknown as Source;
const config = (data: object) =>
  parseConfig({ seed: 4, data: { source: { kind: "folder", path: "photos" }, imageSize: 32, batchSize: 8, ...data } });

test("what the configuration says of reading goes to the loader as it is, and nothing else", () => {
  const said = { channels: 1, colour: "stored", jpeg: "accurate", maxBadShare: 0.5, maxPixels: 1000, workers: 3 };
  const { seed, data } = config({ ...said, mean: [0.5], std: [0.5] });
  expect(readingOptions({ seed, data }, source)).toEqual({ seed: 4, ...said });
});

test("threads that nobody has chosen follow from the machine", () => {
  const { workers = 0 } = readingOptions(config({}), source);
  expect(workers).toBeGreaterThan(0);
  expect(workers).toBeLessThanOrEqual(machineLimits().cores);
});
