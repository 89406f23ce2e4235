import { expect, test } from "vitest";
import { cost } from "../../src/graph/cost.js";
import { models } from "../../src/models/index.js";
import { blockMultiplyAdds, givenNumber, notGiven } from "../../src/models/sizes.js";
import { Block } from "../../src/nn/block.js";
import { empty } from "../../src/tensor/creation.js";

test("multiply-adds of Transformer blocks are those that are counted off a recording", () => {
  const counted = cost(
    () => new Block(64, 2),
    (block) => block.call(empty([1, 17, 64], { device: "meta" })),
  );
  expect(blockMultiplyAdds(17, 64, 1)).toBe(counted.multiplyAdds);
  expect(blockMultiplyAdds(17, 64, 12)).toBe(12 * counted.multiplyAdds);
});

test("what somebody has decided is kept", () => {
  expect(notGiven({ width: 8, depth: 2 }, { depth: 3 })).toEqual({ width: 8 });
  expect(givenNumber({ width: 8 }, "width")).toBe(8);
  for (const width of [undefined, "8", -8, 0]) expect(givenNumber({ width }, "width")).toBeUndefined();
});

const cases = models.names().flatMap((name) => [32, 48, 96, 224].map((side) => [name, side] as const));

test.each(cases)("%s for pictures of %i px: every size that is offered is what it says it is", (name, side) => {
  const model = models.get(name);
  const offered = model.offers?.({ side, channels: 3, given: {} }) ?? [];
  expect(offered.length).toBeGreaterThan(2);
  expect(offered.at(-1)?.pictures).toBe(0); // somebody with one picture is offered something
  for (const size of offered) {
    const config = model.config.parse({ name, ...size.settings });
    const counted = cost(
      () => model.build(config, { imageSize: [side, side], channels: 3 }),
      (encoder) => {
        expect([encoder.width, side ** 2 / size.patches]).toEqual([size.width, encoder.stride[0] * encoder.stride[1]]);
        return encoder.call(empty([1, 3, side, side], { device: "meta" }));
      },
    );
    expect(Math.abs(size.multiplyAdds / counted.multiplyAdds - 1)).toBeLessThan(0.05); // a patch embedding is not counted
  }
  const work = offered.map(({ multiplyAdds }) => multiplyAdds);
  expect(work).toEqual([...work].sort((a, b) => b - a));
});

test("a size that was asked for is the only one, and its keys are left to whoever asked", () => {
  for (const [name, size] of [
    ["vit", "large"],
    ["convnextV2", "huge"],
    ["resnet", "resnet101"],
  ] as const) {
    const offered = models.get(name).offers?.({ side: 224, channels: 3, given: { size } });
    expect(offered?.map((each) => each.name)).toEqual([size]);
    expect(Object.keys(offered?.[0]?.settings ?? {})).toHaveLength(1); // patch or stem
  }
  const [deep] = models.get("vit").offers?.({ side: 224, channels: 3, given: { depth: 3 } }) ?? [];
  expect(deep).toMatchObject({ depth: 3, settings: { width: 768, heads: 12, patchSize: 16 } });
});

test("pictures that cannot be encoded are offered nothing", () => {
  expect(models.get("vit").offers?.({ side: 30, channels: 3, given: { patchSize: 16 } })).toEqual([]);
  expect(models.get("convnextV2").offers?.({ side: 30, channels: 3, given: {} })).toEqual([]);
});
