import { expect, test } from "vitest";
import { outlook, verdictOn } from "../../../src/cli/quickstart/words.js";

const row = (knn: number, linear: number) => ({ name: "", dimensions: 1, seconds: 0, knn, linear });

test("says plainly when k-NN is no better than pixels yet", () => {
  const [text] = verdictOn([row(0.396, 0.393), row(0.301, 0.4), row(0.38, 0.504)]);
  expect(text).toBe(
    "Training gained +7.9 points of k-NN and +10.4 points of the linear probe. k-NN is no better than on raw pixels yet " +
      "(38.0 % against 39.6 %). The linear probe is better than on raw pixels.",
  );
  expect(verdictOn([row(0.396, 0.5), row(0.301, 0.4), row(0.41, 0.39)])[0]).toBe(
    "Training gained +10.9 points of k-NN and −1.0 points of the linear probe. k-NN is better than on raw pixels " +
      "(41.0 % against 39.6 %). The linear probe is no better than on raw pixels yet.",
  );
});

test("tells what an hour would be at this machine's speed", () => {
  expect(outlook(3, 300).join("\n")).toContain("An hour here is about 36 epochs.");
});
