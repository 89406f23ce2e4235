import { expect, test } from "vitest";
import { outlook, verdictOn } from "../../../src/cli/quickstart/words.js";
import type { Measured } from "../../../src/public/evaluate.js";

function row(knn: number, linear: number): Measured {
  const right = (count: number) => Uint8Array.from({ length: 1000 }, (_, i) => (i < count ? 1 : 0));
  const shared = { name: "", dimensions: 1, seconds: 0, pictures: 1000, meanPerClass: {} };
  return { ...shared, knn: knn / 1000, linear: linear / 1000, right: { knn: right(knn), linear: right(linear) } };
}

test("says plainly what was gained, and when k-NN is no better than pixels yet", () => {
  const [knn, linear] = verdictOn([row(396, 393), row(301, 400), row(380, 504)]);
  expect(knn).toMatch(/^k-NN: Training gained 7\.9 points .* no better than raw pixels yet: 1\.6 points below/);
  expect(linear).toMatch(/^Linear probe: Training gained 10\.4 points .* 11\.1 points better than raw pixels/);
});

test("tells what an hour would be at this machine's speed", () => {
  expect(outlook(3, 300).join("\n")).toContain("An hour here is about 36 epochs.");
});
