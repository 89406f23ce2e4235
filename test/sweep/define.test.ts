import { expect, expectTypeOf, test } from "vitest";
import {
  type ConfigPath,
  type ConfigValue,
  defineSweep,
  type SweepInput,
  sweepSchema,
} from "../../src/sweep/define.js";
import { exampleSweep } from "./example.js";

const written: SweepInput = {
  title: "two ratios",
  base: { data: { source: { kind: "folder", path: "photos" } } },
  axes: { "method.maskRatio": [0.5, 0.75] },
  evaluate: { train: { kind: "folder", path: "a" }, test: { kind: "folder", path: "b" } },
};

test("what is left out has a value", () => {
  expect(sweepSchema.parse(defineSweep(written))).toMatchObject({
    axes: { "method.maskRatio": [0.5, 0.75] },
    evaluate: { limit: 10_000, knn: { k: 20 }, linear: true, baselines: true },
  });
  expect(sweepSchema.parse({ ...written, axes: undefined }).axes).toEqual({});
});

test("what is not a sweep is refused", () => {
  const refused = (changes: object) => sweepSchema.safeParse({ ...written, ...changes }).error?.issues[0];
  expect(refused({ axis: {} })).toMatchObject({ code: "unrecognized_keys", keys: ["axis"] });
  expect(refused({ axes: { "method.maskRatio": [] } })?.path).toEqual(["axes", "method.maskRatio"]);
  expect(refused({ points: { "../up": {} } })?.message).toMatch(/names a folder|Invalid key/);
  expect(refused({ evaluate: { ...written.evaluate, knn: { k: 0 } } })?.path).toEqual(["evaluate", "knn", "k"]);
  expect(exampleSweep().reference?.measures.linear?.values).toHaveLength(4);
});

test("keys and values of axes and points are checked where they are written", () => {
  expectTypeOf<"method.decoder.depth">().toExtend<ConfigPath>();
  expectTypeOf<"optim.baseLearningRate">().toExtend<ConfigPath>();
  expectTypeOf<ConfigValue<"method.decoder.depth">>().toExtend<number | undefined>();
  const typed = [
    defineSweep({ ...written, axes: { seed: [0, 1], "model.size": ["tiny", "small"] } }),
    // @ts-expect-error a misspelt key
    defineSweep({ ...written, axes: { "method.maskRatoi": [0.5] } }),
    // @ts-expect-error a value of another type
    defineSweep({ ...written, axes: { "method.maskRatio": ["half"] } }),
    // @ts-expect-error a misspelt key of a named point
    defineSweep({ ...written, points: { wide: { "model.wdth": 64 } } }),
  ];
  expect(typed).toHaveLength(4);
});
