import { expect, test } from "vitest";
import { outlook, verdictOn } from "../../../src/cli/quickstart/words.js";

const row = (knn: number, linear: number) => ({ name: "", dimensions: 1, seconds: 0, knn, linear });

test("says plainly when k-NN is no better than pixels yet", () => {
  expect(verdictOn([row(0.396, 0.393), row(0.301, 0.4), row(0.38, 0.504)])).toEqual([
    "Against before training: k-NN +7.9 points, linear probe +10.4 points.",
    "k-NN is no better than on raw pixels yet (38.0 % against 39.6 %).",
    "The linear probe is better than on raw pixels.",
  ]);
  expect(verdictOn([row(0.396, 0.5), row(0.301, 0.4), row(0.41, 0.39)])).toEqual([
    "Against before training: k-NN +10.9 points, linear probe −1.0 points.",
    "k-NN is better than on raw pixels (41.0 % against 39.6 %).",
    "The linear probe is no better than on raw pixels yet.",
  ]);
});

test("tells what an hour would be at this machine's speed", () => {
  expect(outlook(3, 300).join("\n")).toContain("An hour here is about 36 epochs.");
});
