import { expect, test } from "vitest";
import { openLoader } from "../../../src/data/loader.js";
import { KeyedRandom } from "../../../src/data/random.js";
import { apply } from "../../../src/data/transform.js";
import { resolveViews, transformSchema } from "../../../src/data/views.js";
import { scope } from "../../../src/engine/scope.js";
import {
  checkCrops,
  cropsOf,
  dinoCrops,
  dinoCropsConfig,
  encodeCrops,
  swavCrops,
  swavCropsConfig,
} from "../../../src/methods/parts/multi-crop.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { keep, pixelSource, plainOptions } from "../../data/loader-sources.js";
import { picture } from "../../data/transform-numbers.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { readJson } from "../../numbers.js";
import { smallEncoder } from "../small.js";

leavesNoTensors();

const reference = readJson("crops.json") as {
  readonly dino: Readonly<Record<"global1" | "global2" | "local", object[]>>;
  readonly swav: { readonly crops: readonly object[][] };
};
const imageNet = { imageSize: [224, 224] } as const;
/** The official numbers are written down with seven digits. */
const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, v: unknown) => (typeof v === "number" ? Number(v.toFixed(7)) : v)));

test("DINO's crops: every step of the official augmentation, its order and numbers", () => {
  const views = rounded(dinoCrops(dinoCropsConfig.parse({}), imageNet));
  const { global1, global2, local } = reference.dino;
  const locals = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`local${i + 1}`, local]));
  expect(views).toEqual({ global1, global2, ...locals });
});

test("SwAV's crops: every step of the official augmentation, its order and numbers", () => {
  const views = rounded(swavCrops(swavCropsConfig.parse({}), imageNet));
  const names = ["global1", "global2", ...Array.from({ length: 6 }, (_, i) => `local${i + 1}`)];
  expect(views).toEqual(Object.fromEntries(names.map((name, i) => [name, reference.swav.crops[i]])));
});

test.each([
  [224, 96],
  [128, 48],
  [96, 40],
  [64, 24],
  [32, 12],
  [33, 14],
])("small crops of pictures of %i pixels have %i", (side, small) => {
  const views = dinoCrops(dinoCropsConfig.parse({ locals: 1 }), { imageSize: [side, side] });
  expect(views["local1"]?.[0]).toMatchObject({ size: [small, small] });
});

test("sizes and blur that somebody asks for; without small crops two views remain", () => {
  const config = dinoCropsConfig.parse({ locals: 2, localSize: [32, 48], blur: false });
  const views = dinoCrops(config, { imageSize: [64, 96] });
  expect(resolveViews(views, undefined).map(({ name, size }) => [name, size])).toEqual([
    ["global1", { height: 64, width: 96 }],
    ["global2", { height: 64, width: 96 }],
    ["local1", { height: 32, width: 48 }],
    ["local2", { height: 32, width: 48 }],
  ]);
  expect(JSON.stringify(views)).not.toContain("gaussianBlur");
  expect(Object.keys(swavCrops(swavCropsConfig.parse({ locals: 0 }), imageNet))).toEqual(["global1", "global2"]);
});

test("small crops that the model cannot take are refused, and the nearest size that it can is named", () => {
  using vit = smallEncoder("vit", { imageSize: [16, 16], channels: 3 });
  using resnet = smallEncoder("resnet", { imageSize: [16, 16], channels: 3 });
  const config = dinoCropsConfig.parse({ localSize: 10 });
  expect(() => checkCrops(config, vit)).toThrow(/10 × 10 pixels.*localSize to 12/s);
  checkCrops(config, resnet);
  checkCrops(dinoCropsConfig.parse({ localSize: 8 }), vit);
  checkCrops(dinoCropsConfig.parse({ localSize: 10, locals: 0 }), vit);
});

test("a batch has every crop of its pictures, each drawn for itself from one decoded picture", async () => {
  const views = dinoCrops(dinoCropsConfig.parse({ locals: 3, localSize: 4 }), { imageSize: [8, 8] });
  await using loader = openLoader(pixelSource(4), { ...plainOptions, views, batchSize: 4 });
  for await (const batch of loader.batches({ epoch: 1, batch: 0 }, { epoch: 2 })) {
    const kept = keep(batch);
    expect(Object.keys(kept.pixels)).toEqual(["global1", "global2", "local1", "local2", "local3"]);
    expect(new Set(Object.values(kept.pixels)).size).toBe(5);
    for (const [name, steps] of Object.entries(views)) {
      const made = kept.samples.map((sample) => {
        const random = new KeyedRandom({ seed: 11, purpose: `view:${name}`, epoch: 1, sample });
        return Buffer.from(apply(transformSchema.parse(steps), picture(12, 10, 3, sample), random).data);
      });
      expect(kept.pixels[name]).toBe(Buffer.concat(made).toString("base64"));
    }
  }
});

test("crops of a batch in the order of their numbers, past nine too", () => {
  scope(() => {
    const one = (i: number): Tensor => new Rng(i, "crop", 0, [0]).normal([1]);
    const numbers = Array.from({ length: 11 }, (_, i) => i + 1);
    const locals = numbers.map((i) => [`local${i}`, one(i)] as const);
    const batch = { ...Object.fromEntries([...locals].reverse()), global1: one(12), global2: one(13) };
    expect(cropsOf(batch, "local")).toEqual(locals.map(([, crop]) => crop));
    expect(cropsOf(batch, "global")).toHaveLength(2);
  });
});

test("crops of one size are encoded together, and come back one after the other", () => {
  scope(() => {
    const crop = (side: number, name: string): Tensor => new Rng(3, name, 0, [0, 1]).normal([3, side, side]);
    const images = [crop(8, "a"), crop(8, "b"), crop(4, "c"), crop(4, "d"), crop(4, "e")];
    const seen: (readonly number[])[] = [];
    const mean = (image: Tensor): Tensor => image.mean([2, 3]);
    const all = encodeCrops(images, (image) => {
      seen.push(image.shape);
      return mean(image);
    });
    expect(seen).toEqual([
      [4, 3, 8, 8],
      [6, 3, 4, 4],
    ]);
    expect(all.toNumbers()).toEqual(images.flatMap((image) => mean(image).toNumbers()));
  });
});
