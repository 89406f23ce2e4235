import { expect, test } from "vitest";
import { accuracyText, gainsText, inProbeOrder, probeText } from "../../../src/cli/training/probes.js";

const row = (name: string, last: number) => ({ name, last, before: undefined, best: last, step: 234 });

test("accuracies in per cent with their intervals, in a fixed order, unknown ones by their names", () => {
  const knn = { ...row("knn", 0.361), interval: [0.3318, 0.3913] as const, meanPerClass: 0.29 };
  const rows = [row("featureStd", 0.6234), row("featureRank", 41.26), row("mine", 0.123456), knn, row("linear", 0.44)];
  expect(probeText(234, rows, 20)).toBe(
    "features at step 234: 20-NN 36.1 % (33.2–39.1), per class 29.0 %; linear probe 44.0 %; feature rank 41.3; spread 0.62; mine 0.1235",
  );
  expect(probeText(0, [row("featureRank", 3)], 5)).toBe("features before training: feature rank 3.0");
  expect(accuracyText("3.0", {})).toBe("3.0");
});

test("what was gained stands with its interval; probes of earlier versions say nothing", () => {
  const knn = { ...row("knn", 0.1), gain: { value: 0.049, interval: [-0.036, 0.139] as const } };
  const linear = { ...row("linear", 0.4), gain: { value: -0.1, interval: [-0.12, -0.08] as const } };
  expect(gainsText([knn, linear, row("featureRank", 3)], 20)).toBe(
    "20-NN gained 4.9 points, which may be chance (−3.6 to 13.9); linear probe lost 10.0 points (8.0 to 12.0)",
  );
  expect(gainsText([row("knn", 0.3)], 20)).toBeUndefined();
});

test("names in the order of the words, each once, unknown ones last", () => {
  expect(inProbeOrder(["own", "featureStd", "knn", "featureStd"])).toEqual(["knn", "featureStd", "own"]);
});
