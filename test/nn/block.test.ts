import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { Block } from "../../src/nn/block.js";
import { Rng } from "../../src/tensor/random.js";
import { relativeDifference } from "../numbers.js";

test("two residual branches with the norms in front; the hidden width follows the ratio", () => {
  using block = new Block(8, 2, 1.5);
  block.initialize(new Rng(0, "init"));
  expect(block.mlp.fc1.outputs).toBe(12);
  scope(() => {
    const x = new Rng(1, "x").normal([4, 8]);
    const middle = x.add(block.attn.call(block.norm1.call(x)));
    const expected = middle.add(block.mlp.call(block.norm2.call(middle)));
    expect(relativeDifference(block.call(x), expected)).toBe(0);
  });
});

test("with both output layers at zero a block changes nothing", () => {
  using block = new Block(8, 2);
  block.initialize(new Rng(0, "init"));
  block.attn.proj.weight.setBytes(new Float32Array(64));
  block.mlp.fc2.weight.setBytes(new Float32Array(8 * 32));
  scope(() => {
    const x = new Rng(1, "x").normal([4, 8]);
    expect(block.call(x).toArray()).toEqual(x.toArray());
  });
});
