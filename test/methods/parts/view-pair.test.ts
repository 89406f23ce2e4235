import { expect, test } from "vitest";
import { resolveViews } from "../../../src/data/views.js";
import { asymmetricPair, viewPairConfig } from "../../../src/methods/parts/view-pair.js";

const image = { imageSize: [32, 48], channels: 3 } as const;
const views = (config: object = {}) => asymmetricPair(viewPairConfig.parse(config), image);

test("steps, strengths and order of the official code's two augmentations", () => {
  const { first, second } = views();
  const crop = {
    type: "randomResizedCrop",
    size: [32, 48],
    scale: [0.08, 1],
    ratio: [3 / 4, 4 / 3],
    interpolation: "bilinear",
  };
  const colours = [
    { type: "colorJitter", brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1, probability: 0.8 },
    { type: "grayscale", probability: 0.2 },
  ];
  const flip = { type: "flip", probability: 0.5 };
  const blur = { type: "gaussianBlur", sigma: [0.1, 2] };
  expect(first).toEqual([crop, ...colours, { ...blur, probability: 1 }, flip]);
  const solarize = { type: "solarize", threshold: 128, probability: 0.2 };
  expect(second).toEqual([crop, ...colours, { ...blur, probability: 0.1 }, solarize, flip]);
  expect(resolveViews(views(), undefined).map(({ name, key, size }) => [name, key, size])).toEqual([
    ["first", "first", { height: 32, width: 48 }],
    ["second", "second", { height: 32, width: 48 }],
  ]);
});

test("larger crops, and no blur", () => {
  const { first, second } = views({ scale: [0.2, 1], blur: false });
  expect(first[0]).toMatchObject({ scale: [0.2, 1] });
  for (const view of [first, second]) expect(view.map(({ type }) => type)).not.toContain("gaussianBlur");
  expect(() => views({ scale: [1, 0.2] })).toThrow("low <= high");
});
