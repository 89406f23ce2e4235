import { describe, expect, test } from "vitest";
import type { PictureSurvey } from "../../../src/data/doctor/survey.js";
import { methods } from "../../../src/methods/index.js";
import type { VitConfig } from "../../../src/models/vit.js";
import { chooseDefaults } from "../../../src/plan/defaults/choose.js";
import { parseConfig } from "../../../src/train/config.js";
import { gpu, survey, twoCores } from "./facts.js";

const photos = { kind: "folder", path: "/photos" } as const;

const chosen = (changes: Partial<PictureSurvey> = {}, machine = twoCores, decided = {}) => {
  const defaults = chooseDefaults(photos, survey(changes), machine, decided);
  return { ...defaults, config: parseConfig(defaults.config) };
};

describe("chooseDefaults", () => {
  test("three thousand photographs on two cores: something useful within hours", () => {
    const { config, estimate } = chosen();
    expect(estimate.hours).toBeGreaterThan(0.5);
    expect(estimate.hours).toBeLessThanOrEqual(3.1);
    expect(config.epochs).toBeGreaterThanOrEqual(100);
    expect(config.data).toMatchObject({
      heldOut: { part: "heldOut", holdOut: 0.1 },
      source: { part: "train", holdOut: 0.1 },
    });
    expect(Math.floor(2700 / config.data.batchSize)).toBeGreaterThanOrEqual(16); // steps an epoch
  });

  test("whatever the pictures and the machine are, the configuration is valid and fits", () => {
    for (const pictures of [1, 7, 150, 300, 20_000, 300_000, 5_000_000]) {
      for (const shorterSide of [5, 28, 31, 47, 64, 100, 375, 4000, undefined]) {
        for (const machine of [twoCores, gpu, { ...twoCores, cores: 1, memoryBytes: 1e9, bfloat16: false }]) {
          const pixels = shorterSide === undefined ? undefined : shorterSide ** 2;
          const { config, estimate } = chosen({ pictures, shorterSide, pixels }, machine);
          const [side, patch] = [config.data.imageSize as number, (config.model as VitConfig).patchSize as number];
          expect(side % patch).toBe(0);
          expect((side / patch) ** 2).toBeGreaterThanOrEqual(4);
          expect(side).toBeLessThanOrEqual(Math.max(8, shorterSide ?? 224));
          expect(config.data.batchSize).toBeLessThanOrEqual(pictures);
          expect(config.data.batchSize % config.optim.accumulate).toBe(0);
          expect(estimate.hours).toBeGreaterThan(0);
        }
      }
    }
  });

  test("more pictures and a faster machine get larger models", () => {
    expect(chosen({ pictures: 500 }).config.model).toMatchObject({ width: 192, depth: 6 });
    expect((chosen({ pictures: 1_300_000 }, gpu).config.model as VitConfig).width).toBeGreaterThanOrEqual(384);
    expect(chosen({ pictures: 3000 }, gpu).config).toMatchObject({ device: "cuda", data: { imageSize: 224 } });
  });

  test("small pictures keep their size, with small patches and crops that lose little", () => {
    const { config } = chosen({ shorterSide: 28, pixels: 784, channels: 1, isFiles: false, statistics: undefined });
    expect(config.data).toMatchObject({ imageSize: 28, channels: 1, mean: [0.459], std: [0.226] });
    expect((config.model as VitConfig).patchSize).toBe(4);
    expect(config.method).toMatchObject({ augmentation: "fixedCrop" });
  });

  test("what is decided is kept, and the rest fits it", () => {
    const { config, choices } = chosen({}, twoCores, { imageSize: 100, epochs: 7, batchSize: 24 });
    expect(config).toMatchObject({ epochs: 7, data: { imageSize: 100, batchSize: 24 } });
    expect(100 % ((config.model as VitConfig).patchSize as number)).toBe(0);
    const reasons = new Map(choices.map(({ key, reason }) => [key, reason]));
    for (const key of ["epochs", "data.imageSize", "data.batchSize"]) expect(reasons.get(key)).toBe("as you said");
    expect(chosen({ shorterSide: 30 }, twoCores, { modelSettings: { patchSize: 7 } }).config.data.imageSize).toBe(28);
  });

  test("every choice has a reason", () => {
    const { choices } = chosen();
    const keys = [
      "model",
      "data.imageSize",
      "model.patchSize",
      "data.batchSize",
      "epochs",
      "precision",
      "data.heldOut",
    ];
    expect(choices.map(({ key }) => key)).toEqual(expect.arrayContaining(keys));
    for (const { value, reason } of choices) expect(value.length * reason.length).toBeGreaterThan(0);
  });

  test("a batch that does not fit in memory is cut into parts", () => {
    const tight = { ...twoCores, memoryBytes: 2e9 };
    expect(chosen({ pictures: 10_000 }, tight).config.optim.accumulate).toBeGreaterThan(1);
    expect(chosen({ pictures: 10_000 }).config.optim.accumulate).toBe(1);
  });

  test("pictures of one colour are said to be, and are not called too few", () => {
    const flat = chosen({ statistics: undefined, flat: "all" });
    const reason = ({ choices }: typeof flat) => choices.find(({ key }) => key.startsWith("data.mean"))?.reason;
    expect(reason(flat)).toBe("ImageNet's: all pictures looked at are of one colour");
    expect(flat.advice).toEqual([expect.stringContaining("there is nothing to learn from them")]);
    expect(reason(chosen({ statistics: undefined, flat: "some" }))).toContain("a channel has one value");
    expect(reason(chosen({ statistics: undefined }))).toBe("ImageNet's: too few pictures to measure");
  });

  test("few pictures, and published sets with a test part, hold nothing out", () => {
    expect(chosen({ pictures: 100 }).config.data.heldOut).toBeUndefined();
    const cifar = chooseDefaults(
      { kind: "cifar10", split: "train" },
      survey({ pictures: 50_000, isFiles: false }),
      twoCores,
    );
    expect(parseConfig(cifar.config).data).toMatchObject({ source: { kind: "cifar10", split: "train" } });
    expect(cifar.config.data.heldOut).toBeUndefined();
  });

  test("what of the folder cannot be reached is named", () => {
    const unreachable = ["a", "b", "c", "d"].map((path) => ({ path, reason: "EACCES" }));
    expect(chosen({ unreachable }).advice).toEqual([
      "Left out, since they cannot be reached: 4: a (EACCES), b (EACCES), c (EACCES), …. See: lacuna doctor",
    ]);
  });

  test("photographs far larger than needed: decoding is what takes the time, and that is said", () => {
    const large = chosen({ shorterSide: 3000, pixels: 12e6 });
    expect(large.estimate.imagesPerSecond).toBeLessThan(15);
    expect(large.advice.join()).toMatch(/copies of \d+ px on the shorter side/);
    expect(chosen().advice).toEqual([]);
  });
});

describe("what a method says of its own runs", () => {
  const lines = (method: string, changes: Partial<PictureSurvey> = {}, machine = twoCores) =>
    chooseDefaults(photos, survey(changes), machine, { method }).choices;
  const line = (method: string, key: string) => lines(method).find((choice) => choice.key === key);

  test.each(methods.names())("%s: whatever the pictures are, the configuration is valid", (method) => {
    for (const pictures of [2, 150, 3000, 1_300_000]) {
      for (const machine of [twoCores, gpu, { ...twoCores, memoryBytes: 5e8 }]) {
        const { config } = chosen({ pictures, shorterSide: pictures === 150 ? 40 : 375 }, machine, { method });
        expect(config.method.name).toBe(method);
        if (methods.get(method).couplesBatch(config.method) !== undefined) expect(config.optim.accumulate).toBe(1);
        expect(config.data.batchSize).toBeLessThanOrEqual(pictures);
      }
    }
  });

  test("MAE: its decoder and its rate, by the size of the encoder", () => {
    const [decoder, rate] = ["method.decoder", "optim.baseLearningRate"].map((key) => line("mae", key));
    expect(decoder?.reason).toBe("small beside its encoder; thrown away after training");
    expect(rate?.reason).toBe("0.0006 at a step, as 256 pictures have: small batches bear it, and learn more");
    const facts = {
      pictures: 1e6,
      shorterSide: 375,
      side: 224,
      channels: 3,
      patches: 196,
      multiplyAdds: 4e9,
      device: "cpu",
      cores: 2,
    } as const;
    const base = methods.get("mae").defaults?.({ ...facts, width: 768, depth: 12 });
    expect(base?.choices.map(({ key, value, reason }) => [key, value, reason])).toEqual([
      ["method.decoder", { width: 512, depth: 8, heads: 16 }, decoder?.reason],
      ["optim.baseLearningRate", 1.5e-4, "the paper's"],
    ]);
    const small = methods.get("mae").defaults?.({ ...facts, width: 192, depth: 6 });
    expect(small?.choices.map(({ value }) => value)).toEqual([{ width: 96, depth: 2, heads: 3 }, 6e-4]);
    expect(small?.choices[1]?.reason).toBe("a narrow model bears more than the paper's 1.5e-4");
    const few = chosen({ pictures: 300, shorterSide: 64 }, twoCores, { method: "mae" }).config;
    expect([few.data.batchSize, few.optim.baseLearningRate]).toEqual([16, 9.6e-3]); // 6e-4 at a step
    expect(line("mae", "model.patchSize")?.reason).toMatch(/= \d+ patches, three of four hidden$/);
  });

  test("MoCo v3: batch, rate, decay, warm-up and momentum, with their reasons", () => {
    const { config } = chosen({ pictures: 50_000 }, gpu, { method: "mocoV3" });
    expect(config.optim).toMatchObject({ baseLearningRate: 1.5e-4, weightDecay: 0.1, betas: [0.9, 0.999] });
    expect(config.optim.warmupEpochs).toBeCloseTo((40 / 300) * config.epochs, 0);
    expect(config.data.batchSize).toBeGreaterThanOrEqual(512);
    const short = chosen({ pictures: 3000 }, twoCores, { method: "mocoV3", epochs: 100 });
    const steps = 100 * Math.floor((3000 * 0.9 * 0.98) / 256);
    expect(short.config.data.batchSize).toBe(256);
    expect(short.config.method).toMatchObject({
      momentum: { from: Math.round(1000 - 1e3 / Math.max(10, steps / 100)) / 1000, to: 1 },
    });
    for (const key of ["method.momentum", "data.batchSize", "optim.weightDecay", "optim.betas", "optim.warmupEpochs"])
      expect(short.choices.find((choice) => choice.key === key)?.reason).toMatch(/paper|negatives/);
    expect(chosen({ shorterSide: 32 }, twoCores, { method: "mocoV3" }).config.method).toMatchObject({
      augmentation: { blur: false },
    });
  });

  test("a batch that must stay in one piece is made smaller where it does not fit", () => {
    const tight = { ...twoCores, memoryBytes: 2e9 };
    const { config, choices } = chosen({ pictures: 20_000 }, tight, { method: "mocoV3", imageSize: 224 });
    expect(config.checkpointing).toBe(true);
    expect(config.data.batchSize).toBeLessThan(256);
    expect(choices.find(({ key }) => key === "data.batchSize")?.reason).toBe("as many as fit in memory");
  });

  test("a method that costs more gets a smaller model or fewer epochs", () => {
    const work = ({ config }: ReturnType<typeof chosen>): number => {
      const { width = 0, depth = 0 } = config.model as VitConfig;
      return width * depth * config.epochs;
    };
    expect(work(chosen({}, twoCores, { method: "mocoV3" }))).toBeLessThan(work(chosen()));
    expect(() => chooseDefaults(photos, survey(), twoCores, { method: "none" })).toThrow(
      "there is no method called none",
    );
  });

  test("a method's advice for its usual encoder is left out where another has no such key", () => {
    const modelOf = (model: string) => chosen({}, twoCores, { method: "extrema", model }).config.model;
    expect(modelOf("vit")).toMatchObject({ classAttention: 2 });
    expect(modelOf("resnet")).not.toHaveProperty("classAttention");
  });

  test("a model that was asked for by name, and a method's usual one, get sizes for the pictures too", () => {
    const model = (decided: object, changes = {}) => chosen(changes, twoCores, decided).config.model;
    expect(model({ method: "fcmae" })).toMatchObject({ name: "convnextV2", size: "atto", stem: 4 });
    expect(model({ method: "fcmae", modelSettings: { size: "nano" } }).name).toBe("convnextV2");
    expect(model({ method: "mocoV3", model: "resnet" })).toMatchObject({ name: "resnet", size: "resnet18" });
    const small = chosen({ shorterSide: 32, isFiles: false }, twoCores, { method: "fcmae" });
    expect(small.config).toMatchObject({ data: { imageSize: 32 }, model: { stem: 1 } });
    expect(small.choices.find(({ key }) => key === "model.stem")?.reason).toBe(
      "4 × 4 cells of 8 pixels, three of five hidden",
    );
    expect(() => chooseDefaults(photos, survey(), twoCores, { model: "other" })).toThrow("no model called other");
  });
});
