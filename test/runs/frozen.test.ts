import { expect, test } from "vitest";
import { countDifferences, frozenAccuracies, packRight } from "../../src/runs/frozen.js";
import type { RunEvent } from "../../src/runs/schema.js";
import { gainInterval, pairedInterval, probeSummaries } from "../../src/runs/summary.js";

const rights = (...values: number[]): string => packRight(values);
const frozen = (value: number, right?: string): RunEvent => ({
  ...{ type: "probe", step: 0, name: "frozenKnn", value, pictures: 10, meanPerClass: 0.4 },
  ...(right === undefined ? {} : { right }),
});
const judged = (top1: number, right?: string, pictures = 10): RunEvent => ({
  ...{ type: "heldOut", step: 40, epoch: 4, loss: 1, pictures, scores: { top1, top5: 1 } },
  ...(right === undefined ? {} : { right }),
});

test("bits of right pictures: who alone had which, over the borders of bytes", () => {
  const first = rights(1, 0, 1, 1, 0, 0, 0, 0, 1, 1);
  const second = rights(1, 1, 0, 0, 0, 0, 0, 1, 0, 1);
  expect(Buffer.from(first, "base64")).toEqual(Buffer.from([0b1101, 0b11]));
  expect(countDifferences(first, second, 10)).toEqual({ lost: 3, won: 2 });
  expect(countDifferences(first, second, 8)).toEqual({ lost: 2, won: 2 });
  expect(packRight([])).toBe("");
});

test("a classifier beside its frozen encoder: in pairs where both judged the same pictures", () => {
  const [before, after] = [rights(1, 1, 1, 1, 1, 0, 0, 0, 0, 0), rights(1, 0, 0, 0, 0, 1, 0, 0, 0, 0)];
  const [paired] = frozenAccuracies([frozen(0.5, before), judged(0.9, before), judged(0.2, after)]);
  expect(paired).toMatchObject({ name: "frozenKnn", value: 0.5, meanPerClass: 0.4, pictures: 10, isPaired: true });
  expect(paired?.gain).toEqual({ value: -0.3, interval: pairedInterval(4, 1, 10) });
  const [apart] = frozenAccuracies([frozen(0.5), judged(0.2)]);
  expect(apart).toMatchObject({ isPaired: false, gain: { value: -0.3, interval: gainInterval(0.5, 0.2, 10) } });
  expect(frozenAccuracies([frozen(0.5, before), judged(0.2, after, 20)])[0]?.isPaired).toBe(false);
  expect(frozenAccuracies([frozen(0.5)])[0]?.gain).toBeUndefined();
});

test("they are no probes of the features in the course of a run", () => {
  const probe: RunEvent = { type: "probe", step: 0, name: "knn", value: 0.3, pictures: 10 };
  expect(probeSummaries([frozen(0.5), probe]).map(({ name }) => name)).toEqual(["knn"]);
  expect(frozenAccuracies([probe, judged(0.5)])).toEqual([]);
});
