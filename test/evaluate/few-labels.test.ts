import { expect, test } from "vitest";
import { chooseLabelled } from "../../src/data/sources/labelled.js";
import { openTrainTest, trainTestOf } from "../../src/data/sources/train-test.js";
import { affordableLabels, evaluateFewLabels, fewLabels, labelsText } from "../../src/evaluate/few-labels.js";
import { knn } from "../../src/evaluate/probes/knn.js";
import { linearProbe } from "../../src/evaluate/probes/linear-probe.js";
import { tensor } from "../../src/tensor/tensor.js";
import { loadModel } from "../../src/train/checkpoints/load.js";
import { temporaryFolder, tinyRun } from "../cli/terminal.js";
import { numbers } from "./reference.js";

const classes = 3;

/** Clouds around the corners of a triangle; `shift` apart. */
function clouds(count: number, start: number, shift: number) {
  const noise = numbers(count * classes, start);
  const labels = Int32Array.from({ length: count }, (_, row) => row % classes);
  const values = noise.map((value, i) => value + (i % classes === Math.floor(i / classes) % classes ? shift : 0));
  return { features: tensor(Float32Array.from(values), [count, classes]), labels };
}

test("the draws are chooseLabelled's; each seed's accuracy is that of k-NN and probe on its rows alone", () => {
  const [train, test] = [clouds(150, 1, 0.8), clouds(90, 2, 0.8)];
  const found = fewLabels(train, test, { labels: { perClass: 6 }, seeds: [0, 1] });
  for (const seed of [0, 1]) {
    const rows = Array.from(chooseLabelled(train.labels, { perClass: 6, seed }));
    const all = train.features.toArray() as Float32Array;
    const own = {
      features: tensor(Float32Array.from(rows.flatMap((row) => Array.from(all.slice(row * 3, row * 3 + 3)))), [18, 3]),
      labels: Int32Array.from(rows, (row) => train.labels[row] as number),
    };
    const [near, linear] = [knn(own, test, { k: [18] })[0], linearProbe(own, test)];
    expect(found.knn[seed]).toBe(near?.accuracy);
    expect(found.linear[seed]).toBe(linear.accuracy);
    expect(found.meanPerClass.knn[seed]).toBe(near?.meanPerClass);
    expect(found.meanPerClass.linear[seed]).toBe(linear.meanPerClass);
    own.features.dispose();
  }
  train.features.dispose();
  test.features.dispose();
});

test("one label a class and a share of them: well apart all is found, alike in all it is chance", () => {
  const [apart, apartTest] = [clouds(150, 1, 20), clouds(90, 2, 20)];
  for (const labels of [{ perClass: 1 }, { fraction: 0.1 }])
    expect(fewLabels(apart, apartTest, { labels, seeds: [0] })).toEqual({
      knn: [1],
      linear: [1],
      meanPerClass: { knn: [1], linear: [1] },
    });
  const [alike, alikeTest] = [clouds(150, 1, 0), clouds(90, 2, 0)];
  const { knn: near, linear } = fewLabels(alike, alikeTest, { labels: { perClass: 10 }, seeds: [0, 1, 2, 3] });
  for (const accuracy of [...near, ...linear]) expect(Math.abs(accuracy - 1 / 3)).toBeLessThan(0.2);
  for (const { features } of [apart, apartTest, alike, alikeTest]) features.dispose();
});

test("numbers of labels are those that the smallest class has; a larger one is refused by the class's name", () => {
  const source = { classes: ["apple", "bee"], labels: Int32Array.from({ length: 17 }, (_, i) => (i < 12 ? 0 : 1)) };
  expect(affordableLabels(source)).toEqual([{ perClass: 1 }, { perClass: 4 }]);
  expect(affordableLabels(source, [{ perClass: 5 }])).toEqual([{ perClass: 5 }]);
  expect(affordableLabels(source, [{ fraction: 0.9 }])).toHaveLength(1);
  expect(() => affordableLabels(source, [{ perClass: 5 }, { perClass: 10 }])).toThrow(
    "in labels: expected at most 5 of each class, got 10; bee has 5 pictures to draw from. Ask for fewer",
  );
});

test("counts and shares as people write them", () => {
  expect([{ perClass: 10 }, { fraction: 0.29 }, { fraction: 0.005 }].map(labelsText)).toEqual(["10", "29%", "0.5%"]);
});

test("a run's encoder beside pixels and itself before training: rows of both protocols for each count", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 10 });
  const sides = await openTrainTest(trainTestOf({ kind: "folder", path: pictures }));
  using model = loadModel(run);
  const counts = [{ perClass: 2 }, { fraction: 0.5 }];
  const rows = await evaluateFewLabels(model, { ...sides, counts, seeds: [0, 1] });
  expect(rows.map(({ encoder, protocol, labels }) => [encoder, protocol, labels])).toEqual(
    ["raw pixels", "before training", "after 2 steps"].flatMap((encoder) =>
      ["2", "50%"].flatMap((labels) => ["k-NN", "linear"].map((protocol) => [encoder, protocol, labels])),
    ),
  );
  for (const { values } of rows) expect(values).toHaveLength(2);
  await expect(evaluateFewLabels(model, { ...sides, counts: [{ perClass: 99 }] })).rejects.toThrow("got 99");
});
