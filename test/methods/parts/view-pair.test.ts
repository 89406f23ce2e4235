import { expect, test } from "vitest";
import { KeyedRandom } from "../../../src/data/random.js";
import { apply } from "../../../src/data/transform.js";
import { resolveViews } from "../../../src/data/views.js";
import {
  asymmetricPair,
  corruptedPair,
  fairPair,
  fairPairConfig,
  recolouredPair,
  recolouredPairConfig,
  shiftedPair,
  shiftedPairConfig,
  symmetricPair,
  symmetricPairConfig,
  viewPairConfig,
} from "../../../src/methods/parts/view-pair.js";

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

test("the fair study's pairs: MoCo v2's, and BYOL's with blur before grey and solarise at the end", () => {
  const pair = (config: object) => fairPair(fairPairConfig.parse(config), image);
  expect(pair({})).toEqual(symmetricPair({ scale: [0.2, 1], blur: true }, image));
  const { first, second } = pair({ pair: "byol" });
  const types = ["randomResizedCrop", "colorJitter", "gaussianBlur", "grayscale", "flip"];
  expect(first.map(({ type }) => type)).toEqual(types);
  expect(second.map(({ type }) => type)).toEqual([...types, "solarize"]);
  expect([first[0], first[2], second[2]]).toMatchObject([
    { scale: [0.08, 1], interpolation: "bilinear" },
    { probability: 1 },
    { probability: 0.1 },
  ]);
  expect(pair({ pair: "byol", scale: [0.3, 1], blur: false }).first[0]).toMatchObject({ scale: [0.3, 1] });
});

test("larger crops, and no blur", () => {
  const { first, second } = views({ scale: [0.2, 1], blur: false });
  expect(first[0]).toMatchObject({ scale: [0.2, 1] });
  for (const view of [first, second]) expect(view.map(({ type }) => type)).not.toContain("gaussianBlur");
  expect(() => views({ scale: [1, 0.2] })).toThrow("low <= high");
});

test("CMAE's windows: one crop and flip for both, the target's moved by up to 31 of 224 pixels, and in colours of its own", () => {
  const pair = (size: readonly [number, number], config: object = {}) =>
    shiftedPair(shiftedPairConfig.parse(config), { imageSize: size, channels: 3 });
  const { image: still, target } = pair([224, 224]);
  const crop = { type: "randomResizedCrop", size: [256, 256], scale: [0.2, 1], ratio: [3 / 4, 4 / 3] };
  const shared = [
    { ...crop, interpolation: "bicubic" },
    { type: "flip", probability: 0.5 },
  ];
  expect(still).toEqual([...shared, { type: "shiftedCrop", size: [224, 224], shift: 0 }]);
  expect(target).toEqual({
    key: "image",
    transform: [
      ...shared,
      { type: "shiftedCrop", size: [224, 224], shift: 31 },
      { type: "colorJitter", brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1, probability: 0.8 },
      { type: "grayscale", probability: 0.2 },
      { type: "gaussianBlur", sigma: [0.1, 2], probability: 0.5 },
    ],
  });
  const shiftOf = (views: ReturnType<typeof pair>) => JSON.stringify(views.target).match(/"shift":(\d+)/)?.[1];
  expect([pair([32, 32]), pair([32, 48], { shift: 7 }), pair([4, 4])].map(shiftOf)).toEqual(["4", "7", "0"]);
  for (const size of [
    [224, 224],
    [32, 48],
    [4, 4],
  ] as const)
    for (const view of resolveViews(pair(size), undefined))
      expect([view.key, view.size]).toEqual(["image", { height: size[0], width: size[1] }]);
});

test("the two windows of one picture: without a shift and with no colours they are the same pixels", () => {
  const source = {
    data: new Uint8Array(40 * 50 * 3).map((_, i) => (i * 37) % 251),
    height: 40,
    width: 50,
    channels: 3,
  };
  const windows = (shift: number): string[] => {
    const views = shiftedPair(shiftedPairConfig.parse({ shift }), { imageSize: [16, 16], channels: 3 });
    return resolveViews(views, undefined).map(({ transform, key }) => {
      const plain = transform.filter(({ type }) => /crop|flip/i.test(type));
      const random = new KeyedRandom({ seed: 0, purpose: `view:${key}`, epoch: 0, sample: 3 });
      return Buffer.from(apply(plain, source, random).data).toString("hex");
    });
  };
  const [still, target] = windows(0);
  expect(target).toBe(still);
  expect(windows(9)[0]).not.toBe(windows(9)[1]);
});

test("ExtreMA's views: one crop for both, each in colours of its own, or none", () => {
  const pair = (config: object = {}) => recolouredPair(recolouredPairConfig.parse(config), image);
  const { crop, image: seen, target } = pair();
  expect(crop).toEqual([
    { type: "randomResizedCrop", size: [32, 48], scale: [0.2, 1], ratio: [3 / 4, 4 / 3], interpolation: "bilinear" },
    { type: "flip", probability: 0.5 },
  ]);
  const colours = [
    { type: "colorJitter", brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1, probability: 0.8 },
    { type: "grayscale", probability: 0.2 },
  ];
  expect([seen, target]).toEqual(Array(2).fill({ of: "crop", transform: colours }));
  expect(resolveViews(pair(), undefined).map(({ key, of, size }) => [key, of, size?.height, size?.width])).toEqual([
    ["crop", undefined, 32, 48],
    ["image", 0, 32, 48],
    ["target", 0, 32, 48],
  ]);
  expect(pair({ colours: false }).target).toEqual({ of: "crop", transform: [] });
});

test("MACRL's views: two crops drawn apart, one of them in strong colours, and that one before them", () => {
  const pair = corruptedPair(symmetricPairConfig.parse({}), image);
  const crop = [
    { type: "randomResizedCrop", size: [32, 48], scale: [0.2, 1], ratio: [3 / 4, 4 / 3], interpolation: "bicubic" },
    { type: "flip", probability: 0.5 },
  ];
  expect([pair.clean, pair.weak]).toEqual([crop, crop]);
  expect(pair.image).toEqual({
    of: "clean",
    transform: [
      { type: "colorJitter", brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1, probability: 0.8 },
      { type: "grayscale", probability: 0.2 },
      { type: "gaussianBlur", sigma: [0.1, 2], probability: 0.5 },
    ],
  });
  expect(resolveViews(pair, undefined).map(({ name, key, of }) => [name, key, of])).toEqual([
    ["clean", "clean", undefined],
    ["image", "image", 0],
    ["weak", "weak", undefined],
  ]);
});
