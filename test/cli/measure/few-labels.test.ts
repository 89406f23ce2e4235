import { expect, test } from "vitest";
import { certainty } from "../../../src/cli/measure/few-labels.js";
import { lacuna, temporaryFolder, tinyRun } from "../terminal.js";

test("k of each class and shares, mean and spread, beside pixels and the untrained encoder", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 20 });
  const few = (...rest: string[]) => lacuna("evaluate", "few-labels", run, "--data", pictures, ...rest);
  const { code, out } = await few("--labels", "1,5,50%", "--seeds", "2", "--json");
  expect(code).toBe(0);
  const { rows, seeds, step } = JSON.parse(out);
  expect({ seeds, step }).toEqual({ seeds: [0, 1], step: 5 });
  expect(rows).toHaveLength(3 * 3 * 2);
  for (const { values, mean, deviation, meanPerClass } of rows) {
    expect(meanPerClass.values).toHaveLength(2);
    expect(mean).toBeCloseTo((values[0] + values[1]) / 2, 12);
    expect(deviation).toBeCloseTo(Math.abs(values[0] - values[1]) / Math.SQRT2, 12);
  }
  const text = (await few("--labels", "2,50%", "--seeds", "1")).out;
  expect(text).toMatch(/accuracy +2 a class +50% of the labels/);
  expect(text).toMatch(/after 5 steps +linear +[\d.]+ % +[\d.]+ %\n +per class +[\d.]+ % +[\d.]+ %/);
  expect(text).toMatch(/All draws judge the same pictures: [\d.]+ % of \d+ stands for [\d.]+ to [\d.]+ %/);
});

test.each(["0", "1.5", "1,,2", "0%", "101%", "ten"])("--labels %s is refused", async (labels) => {
  const { code, error } = await lacuna("evaluate", "few-labels", "run", "--data", "cifar10", "--labels", labels);
  expect(code).toBe(2);
  expect(error).toContain("in --labels: expected whole numbers above 0, or shares up to 100%");
});

test("an accuracy is said with what its pictures can tell", () => {
  expect(certainty(4 / 81, 81, [0.0193693, 0.1202023])).toBe(
    "All draws judge the same pictures: 4.9 % of 81 stands for 1.9 to 12.0 % (95 %, Wilson).",
  );
});
