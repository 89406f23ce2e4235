import { expect, test } from "vitest";
import { wilsonInterval } from "../../src/evaluate/interval.js";

// scipy 1.17: binomtest(successes, count).proportion_ci(0.95, method="wilson")
test.each([
  [0, 10, 0, 0.2775328],
  [4, 81, 0.0193693, 0.1202023],
  [27, 50, 0.4039887, 0.6703035],
  [4234, 10_000, 0.4137471, 0.4331117],
  [7, 7, 0.6456696, 1],
])("%i of %i", (successes, count, low, high) => {
  const [from, to] = wilsonInterval(successes / count, count);
  expect(from).toBeCloseTo(low, 6);
  expect(to).toBeCloseTo(high, 6);
});
