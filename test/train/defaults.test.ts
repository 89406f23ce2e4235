import { describe, expect, test } from "vitest";
import type { PictureSurvey } from "../../src/data/doctor/survey.js";
import type { VitConfig } from "../../src/models/vit.js";
import { parseConfig } from "../../src/train/config.js";
import { chooseDefaults, type MachineFacts, machineFacts } from "../../src/train/defaults.js";

const photos = { kind: "folder", path: "/photos" } as const;
const twoCores: MachineFacts = { cores: 2, memoryBytes: 24e9, device: "cpu", bfloat16: true };
const gpu: MachineFacts = { cores: 16, memoryBytes: 128e9, device: "cuda", bfloat16: true };

function survey(changes: Partial<PictureSurvey> = {}): PictureSurvey {
  return {
    pictures: 3000,
    sampled: 200,
    shorterSide: 375,
    pixels: 500 * 375,
    channels: 3,
    isFiles: true,
    statistics: { mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2], pictures: 48 },
    ...changes,
  };
}

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
    expect(config.method.augmentation).toBe("fixedCrop");
  });

  test("what is decided is kept, and the rest fits it", () => {
    const { config, choices } = chosen({}, twoCores, { imageSize: 100, epochs: 7, batchSize: 24 });
    expect(config).toMatchObject({ epochs: 7, data: { imageSize: 100, batchSize: 24 } });
    expect(100 % ((config.model as VitConfig).patchSize as number)).toBe(0);
    const reasons = new Map(choices.map(({ key, reason }) => [key, reason]));
    for (const key of ["epochs", "data.imageSize", "data.batchSize"]) expect(reasons.get(key)).toBe("as you said");
    expect(chosen({ shorterSide: 30 }, twoCores, { patchSize: 7 }).config.data.imageSize).toBe(28);
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

  test("photographs far larger than needed: decoding is what takes the time, and that is said", () => {
    const large = chosen({ shorterSide: 3000, pixels: 12e6 });
    expect(large.estimate.imagesPerSecond).toBeLessThan(15);
    expect(large.advice.join()).toMatch(/copies of \d+ px on the shorter side/);
    expect(chosen().advice).toEqual([]);
  });
});

test("this machine has cores and memory; the CPU is used where it is asked for", () => {
  const facts = machineFacts("cpu");
  expect(facts.device).toBe("cpu");
  expect(facts.cores).toBeGreaterThan(0);
  expect(facts.memoryBytes).toBeGreaterThan(1e8);
});
