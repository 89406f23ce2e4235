import { expect, test } from "vitest";
import { cost } from "../../src/graph/cost.js";
import { blockMultiplyAdds } from "../../src/methods/defaults.js";
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
