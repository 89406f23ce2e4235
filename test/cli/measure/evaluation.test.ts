import { join } from "node:path";
import { expect, test } from "vitest";
import { measurePixels, measureUntrained, plainRows } from "../../../src/cli/measure/evaluation.js";
import { openLabelled } from "../../../src/cli/measure/labelled.js";
import { parseConfig } from "../../../src/index.js";
import { makePictures, temporaryFolder } from "../terminal.js";

test("pixels and an untrained encoder tell red from blue; the same twice", async () => {
  const data = await makePictures(join(temporaryFolder(), "pictures"), 20);
  const config = parseConfig({
    model: { name: "vit", width: 16, depth: 1, heads: 2, patchSize: 8 },
    method: { name: "mae", decoder: { width: 16, depth: 1, heads: 2 } },
    data: { source: { kind: "folder", path: data }, imageSize: 32, workers: 0 },
  });
  const setting = { config, ...(await openLabelled({ data, limit: 100 })), measures: ["knn", "linear"] as const, k: 5 };
  const pixels = await measurePixels(setting);
  expect(pixels).toMatchObject({ dimensions: 3 * 32 * 32, knn: 1, linear: 1, meanPerClass: { knn: 1, linear: 1 } });
  expect(pixels.pictures).toBe(setting.test.size);
  expect(pixels.right?.knn).toEqual(new Uint8Array(setting.test.size).fill(1));
  expect(plainRows([pixels])[0]).not.toHaveProperty("right");
  const first = await measureUntrained(setting);
  const second = await measureUntrained(setting);
  expect(first).toMatchObject({ dimensions: 16 });
  expect(first.knn).toBeGreaterThan(0.5);
  expect([second.knn, second.linear]).toEqual([first.knn, first.linear]);
});
