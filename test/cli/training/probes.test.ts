import { expect, test } from "vitest";
import { inProbeOrder, probeText } from "../../../src/cli/training/probes.js";

test("accuracies in per cent, in a fixed order, unknown ones by their names", () => {
  const values = new Map([
    ["featureStd", 0.6234],
    ["featureRank", 41.26],
    ["mine", 0.123456],
    ["knn", 0.361],
    ["linear", 0.44],
  ]);
  expect(probeText(234, values, 20)).toBe(
    "features at step 234: 20-NN 36.1 %, linear probe 44.0 %, feature rank 41.3, spread 0.62, mine 0.1235",
  );
  expect(probeText(0, new Map([["featureRank", 3]]), 5)).toBe("features before training: feature rank 3.0");
});

test("names in the order of the words, each once, unknown ones last", () => {
  expect(inProbeOrder(["own", "featureStd", "knn", "featureStd"])).toEqual(["knn", "featureStd", "own"]);
});
