import { expect, test } from "vitest";
import { loadRecipe } from "../../../src/cli/config/recipe.js";
import { epochsWithin, quickstartConfig } from "../../../src/cli/quickstart/configuration.js";
import { derive, parseConfig } from "../../../src/public/train.js";

test("three epochs are the reference recipe, to the number", async () => {
  const recipe = parseConfig(
    await loadRecipe(new URL("../../../recipes/mae-cifar10-reference.ts", import.meta.url).pathname),
  );
  const own = parseConfig(quickstartConfig(3));
  const { warmupEpochs, ...optim } = own.optim;
  const { warmupEpochs: expected, ...other } = recipe.optim;
  expect({ ...own, optim, log: 0 }).toEqual({ ...recipe, optim: other, log: 0 });
  expect(warmupEpochs).toBeCloseTo(expected ?? 0, 12);
  expect(derive(own, 50_000)).toMatchObject({ steps: 585, warmupSteps: 58, learningRate: 6e-4 });
});

test("slower machines train for fewer whole steps, faster ones for three epochs", () => {
  expect(epochsWithin(5, 0.1)).toBe(3);
  const slow = epochsWithin(5, 2);
  const { steps } = derive(parseConfig(quickstartConfig(slow)), 50_000);
  expect(steps * 2).toBeLessThanOrEqual(5 * 60);
  expect(steps * 2).toBeGreaterThan(0.9 * 5 * 60);
  expect(derive(parseConfig(quickstartConfig(epochsWithin(5, 1000))), 50_000).steps).toBe(5);
});
