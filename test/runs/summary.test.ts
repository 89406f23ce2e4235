import { expect, test } from "vitest";
import type { RunEvent } from "../../src/runs/schema.js";
import {
  centredAverage,
  gainInterval,
  heldOutAccuracy,
  imagesPerSecond,
  pairedInterval,
  probeSummaries,
  smooth,
  spread,
  summarize,
  wilsonInterval,
} from "../../src/runs/summary.js";
import { checkpointEvent, startEvent, stepEvent } from "./example.js";

test("a run added up by hand", () => {
  const events: RunEvent[] = [
    startEvent(),
    stepEvent(1, { samples: 100, seconds: 2, waitSeconds: 1, loss: 4, epoch: 0.5 }),
    stepEvent(2, { samples: 200, seconds: 1, waitSeconds: 0, loss: 2, epoch: 1 }),
    { type: "heldOut", step: 2, epoch: 1, loss: 3 },
    checkpointEvent(2),
    { type: "badFile", step: 2, sample: 1, path: "p", code: "c", reason: "r" },
    { type: "warning", step: 2, code: "c", message: "m" },
    startEvent(2, { resumedFrom: 2 }),
    { type: "badFile", step: 2, sample: 1, path: "p", code: "c", reason: "r" }, // met again by the second process
    stepEvent(3, { samples: 300, seconds: 1, waitSeconds: 0.2, loss: 1, epoch: 1.5 }),
    { type: "heldOut", step: 3, epoch: 1.5, loss: 2.5 },
    { type: "end", step: 3, reason: "finished", seconds: 9 },
  ];
  const summary = summarize(events);
  expect(summary).toMatchObject({
    steps: 3,
    epoch: 1.5,
    samples: 300,
    firstLoss: 4,
    lastLoss: 1,
    heldOutLoss: 2.5,
    imagesPerSecond: 75,
    recentImagesPerSecond: 100,
    trainingSeconds: 4,
    checkpointSeconds: 0.1,
    badFiles: 1,
    warnings: 1,
    starts: 2,
    end: "finished",
  });
  expect(summary.waitShare).toBeCloseTo(0.3, 12);
  expect(summary.smoothedLoss).toBeCloseTo((4 / 4 + 2 / 2 + 1) / (1 / 4 + 1 / 2 + 1), 12); // half-life of one point
});

test("a run without a step, and steps that took no time, divide by nothing", () => {
  const nothing = summarize([startEvent()]);
  expect(nothing).toMatchObject({ steps: 0, trainingSeconds: 0, firstLoss: undefined, imagesPerSecond: undefined });
  expect(summarize([stepEvent(1, { seconds: 0, waitSeconds: 0 })])).toMatchObject({
    imagesPerSecond: undefined,
    recentImagesPerSecond: undefined,
    waitShare: undefined,
    end: undefined,
  });
  expect(imagesPerSecond([stepEvent(1, { seconds: 0 }), stepEvent(2, { seconds: 2 })])).toEqual([
    { step: 2, value: 128 },
  ]);
});

test("smoothing keeps a constant, forgets by half in its half-life and leaves out what is no number", () => {
  const flat = Array.from({ length: 9 }, (_, step) => ({ step, value: 3 }));
  for (const { value } of smooth(flat, 4)) expect(value).toBeCloseTo(3, 12);
  const jump = Array.from({ length: 2000 }, (_, step) => ({ step, value: step < 1000 ? 1 : 0 }));
  expect(smooth(jump, 10)[1009]?.value).toBeCloseTo(0.5, 6);
  const broken = [1, Number.NaN, 1, Number.POSITIVE_INFINITY].map((value, step) => ({ step, value }));
  const kept = smooth(broken, 2);
  expect(kept.map(({ step }) => step)).toEqual([0, 2]);
  expect(kept.every(({ value }) => Math.abs(value - 1) < 1e-12)).toBe(true);
});

test("the centred average keeps a straight line and its ends, and spreads a spike over its reach", () => {
  const line = Array.from({ length: 50 }, (_, step) => ({ step, value: 2 * step }));
  for (const [i, { value }] of centredAverage(line, 5).entries()) expect(value).toBeCloseTo(2 * i, 9);
  const spike = Array.from({ length: 21 }, (_, step) => ({ step, value: step === 10 ? 7 : 0 }));
  expect(centredAverage(spike, 3).map(({ value }) => value)).toEqual(
    spike.map(({ step }) => (Math.abs(step - 10) <= 3 ? 1 : 0)),
  );
  expect(
    centredAverage([
      { step: 1, value: Number.NaN },
      { step: 2, value: 4 },
    ]),
  ).toEqual([{ step: 2, value: 4 }]);
});

test("spread over seeds: the sample deviation, which one value does not have", () => {
  expect(spread([1, 2, 3, 6])).toEqual({ values: [1, 2, 3, 6], mean: 3, deviation: Math.sqrt(14 / 3) });
  expect(spread([0.5])).toEqual({ values: [0.5], mean: 0.5, deviation: undefined });
});

test("each probe: before training, the highest and the last of later steps", () => {
  const probe = (step: number, name: string, value: number): RunEvent => ({ type: "probe", step, name, value });
  const events = [
    probe(0, "knn", 0.6),
    probe(0, "rank", 9),
    probe(5, "knn", 0.5),
    probe(9, "knn", 0.4),
    probe(9, "own", 1),
  ];
  expect(probeSummaries(events)).toEqual([
    { name: "knn", before: 0.6, best: 0.5, last: 0.4, step: 9 },
    { name: "rank", before: 9, best: undefined, last: 9, step: 0 },
    { name: "own", before: undefined, best: 1, last: 1, step: 9 },
  ]);
});

test("a probe that says how many pictures were judged has an interval, and its gain over step 0 has one", () => {
  const probe = (step: number, value: number): RunEvent => {
    return { type: "probe", step, name: "knn", value, pictures: 81, meanPerClass: value / 2 };
  };
  const [knn] = probeSummaries([probe(0, 4 / 81), probe(5, 0.3), probe(9, 8 / 81)]);
  expect(knn).toMatchObject({ last: 8 / 81, meanPerClass: 4 / 81, interval: wilsonInterval(8 / 81, 81) });
  expect(knn?.gain?.value).toBeCloseTo(4 / 81, 12);
  expect(knn?.gain?.interval).toEqual(gainInterval(4 / 81, 8 / 81, 81));
  expect(probeSummaries([probe(0, 0.5)])[0]).not.toHaveProperty("gain");
});

// scipy 1.17: binomtest(successes, count).proportion_ci(0.95, method="wilson")
test.each([
  [0, 10, 0, 0.2775328],
  [4, 81, 0.0193693, 0.1202023],
  [27, 50, 0.4039887, 0.6703035],
  [4234, 10_000, 0.4137471, 0.4331117],
  [7, 7, 0.6456696, 1],
])("Wilson's interval of %i of %i", (successes, count, low, high) => {
  const [from, to] = wilsonInterval(successes / count, count);
  expect(from).toBeCloseTo(low, 6);
  expect(to).toBeCloseTo(high, 6);
});

// statsmodels 0.14: confint_proportions_2indep(after, count, before, count, method="newcomb", compare="diff")
test.each([
  [48, 40, 80, -0.2467345, 0.0531493],
  [4, 8, 81, -0.0360954, 0.1387716],
  [0, 3, 20, -0.0383963, 0.3604189],
  [3010, 3120, 10_000, -0.0017791, 0.0237742],
  [20, 20, 20, -0.1611252, 0.1611252],
])("Newcombe's interval of a gain from %i to %i of %i", (before, after, count, low, high) => {
  const [from, to] = gainInterval(before / count, after / count, count);
  expect(from).toBeCloseTo(low, 6);
  expect(to).toBeCloseTo(high, 6);
});

test("a gain on the same pictures is within its interval 19 times of 20, as adding up all outcomes says", () => {
  const logFactorials = [0];
  for (let n = 1; n <= 81; n++) logFactorials.push((logFactorials[n - 1] as number) + Math.log(n));
  const probability = (counts: readonly number[], shares: readonly number[]): number => {
    const all = counts.reduce((a, b) => a + b, 0);
    const log = counts.reduce(
      (sum, count, i) => sum - (logFactorials[count] as number) + count * Math.log(shares[i] as number),
      logFactorials[all] as number,
    );
    return Math.exp(log);
  };
  for (const count of [40, 81]) {
    for (const [lost, won] of [
      [0.1, 0.2],
      [0.3, 0.3],
      [0.02, 0.1],
      [0.05, 0.3],
    ] as const) {
      let covered = 0;
      for (let a = 0; a <= count; a++) {
        for (let b = 0; a + b <= count; b++) {
          const [low, high] = pairedInterval(a, b, count);
          const isIn = low <= won - lost && won - lost <= high;
          if (isIn) covered += probability([a, b, count - a - b], [lost, won, 1 - lost - won]);
        }
      }
      expect(Math.abs(covered - 0.95)).toBeLessThan(0.015);
    }
  }
});

test("the last accuracy is the run's; of equal best ones the first; nothing without scores", () => {
  const at = (epoch: number, top1: number) =>
    ({ type: "heldOut", step: epoch * 10, epoch, loss: 1, scores: { top1, top5: 0.9 } }) as const;
  const accuracy = heldOutAccuracy([at(1, 0.4), at(2, 0.625), at(3, 0.625), at(4, 0.5)]);
  expect(accuracy?.last).toMatchObject({ epoch: 4, scores: { top1: 0.5 } });
  expect(accuracy?.best).toMatchObject({ epoch: 2 });
  expect(heldOutAccuracy([{ type: "heldOut", step: 1, epoch: 1, loss: 1 }])).toBeUndefined();
});
