import { expect, test } from "vitest";
import { transformSchema } from "../../../src/data/views.js";
import { augmentationConfig, judgingView, trainingView } from "../../../src/methods/supervised/augmentation.js";

const view = (input: object) => trainingView(augmentationConfig.parse(input), [224, 224]);

test("the official pipeline: random resized crop, flip, rand-m9-mstd0.5-inc1 with ImageNet's mean moved in", () => {
  expect(view({})).toEqual([
    { type: "randomResizedCrop", size: [224, 224], scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
    { type: "flip", probability: 0.5 },
    { type: "randAugment", operations: 2, magnitude: 9, deviation: 0.5, probability: 0.5, fill: [124, 116, 104] },
  ]);
});

test("colour jitter only where RandAugment is off; shifted and plain crops", () => {
  const types = (input: object): string[] => view(input).map(({ type }) => type);
  expect(types({ colorJitter: { brightness: 0.4 } })).not.toContain("colorJitter");
  expect(types({ colorJitter: { brightness: 0.4 }, randAugment: { operations: 0 } })).toContain("colorJitter");
  expect(types({ crop: { name: "shifted", padding: 4 }, flip: 0, randAugment: { operations: 0 } })).toEqual([
    "resize",
    "centerCrop",
    "reflectPadCrop",
  ]);
  expect(types({ crop: { name: "middle" }, flip: 0, randAugment: { operations: 0 } })).toEqual([
    "resize",
    "centerCrop",
  ]);
});

test("every view is one that a loader takes", () => {
  for (const input of [
    {},
    { crop: { name: "shifted" } },
    { colorJitter: { hue: 0.1 }, randAugment: { operations: 0 } },
  ])
    expect(transformSchema.parse(view(input))).toEqual(view(input));
});

test("judging: 256 and the middle 224; a little or a large picture as a whole, as the official code above 224", () => {
  const sizes = (size: number, input: object = {}): unknown[] =>
    judgingView(augmentationConfig.parse(input), [size, size]).map((step) => ("size" in step ? step.size : undefined));
  expect(sizes(224)).toEqual([256, [224, 224]]);
  expect(sizes(448)).toEqual([448, [448, 448]]);
  expect(sizes(32)).toEqual([32, [32, 32]]);
  expect(sizes(32, { testCrop: 0.875 })).toEqual([36, [32, 32]]);
});
