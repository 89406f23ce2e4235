import { expect, test } from "vitest";
import { z } from "zod";
import { methods } from "../../src/methods/index.js";
import { Mae, mae, maeConfig } from "../../src/methods/masked/mae.js";
import { defineMethod } from "../../src/methods/method.js";
import { patchEncoder } from "../../src/models/encoder.js";
import { models } from "../../src/models/index.js";
import { vit } from "../../src/models/vit.js";
import { currentRunConfig, parseConfig } from "../../src/train/config.js";
import { byName, register, registerAll } from "../../src/train/definitions.js";
import { tinyRun } from "./example.js";

const config = maeConfig.extend({ name: z.literal("mine").default("mine"), strength: z.number().default(2) });
const mine = defineMethod({
  name: "mine",
  config,
  encoders: patchEncoder,
  views: (given, image) => mae.views(maeConfig.parse({ augmentation: given.augmentation }), image) as { image: [] },
  build: ({ strength: _, name: __, ...given }, makeEncoder) =>
    new Mae(maeConfig.parse({ ...given, name: "mae" }), makeEncoder()),
});
const other = {
  ...vit,
  name: "otherVit",
  config: vit.config.extend({ name: z.literal("otherVit").default("otherVit") }),
};

test("a definition stands where a name stands, with or without options, and is in the list from then on", () => {
  const { method: _, model: __, ...rest } = tinyRun("nowhere");
  const input = byName({
    ...rest,
    method: [mine, { strength: 3 }],
    model: [other, { width: 16, depth: 1, heads: 2, patchSize: 4 }],
  });
  expect(input).toMatchObject({ method: { name: "mine", strength: 3 }, model: { name: "otherVit", width: 16 } });
  expect(parseConfig(input)).toMatchObject({ method: { name: "mine", strength: 3, maskRatio: 0.75 } });
  expect([methods.names(), models.names()]).toEqual([
    expect.arrayContaining(["mae", "mine"]),
    expect.arrayContaining(["vit", "otherVit"]),
  ]);
  expect(JSON.stringify(z.toJSONSchema(currentRunConfig(), { io: "input" }))).toContain("strength");
  expect(byName({ ...rest, method: mine }).method).toEqual({ name: "mine" });
});

test("what a program exports is found by its shape; a name that is taken is refused", () => {
  expect(registerAll({ default: mine, helper: () => 1, number: 3 })).toEqual(["mine"]);
  expect(registerAll({ nothing: {} })).toEqual([]);
  expect(() => register({ ...mine })).toThrow("there is a method called mine already");
});
