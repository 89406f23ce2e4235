import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { Block, ClassBlock } from "../../src/nn/block.js";
import { watchOutputs } from "../../src/nn/module.js";
import { cat } from "../../src/tensor/creation.js";
import { Rng } from "../../src/tensor/random.js";
import { withRandom } from "../../src/tensor/step-random.js";
import { tensor } from "../../src/tensor/tensor.js";
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

test("as one operation, where there is a kernel, a block is the same; whoever looks at every module sees all of them", () => {
  using block = new Block(32, 2);
  block.initialize(new Rng(0, "init"));
  scope(() => {
    const x = new Rng(1, "x").normal([3 * 5 * 32]).reshape([3, 5, 32]);
    const seen: unknown[] = [];
    const stepwise = watchOutputs(
      (result) => void seen.push(result),
      () => block.call(x),
    );
    expect(seen).toHaveLength(11); // norms, drop paths, linear layers, attention, MLP, and the block
    expect(relativeDifference(block.call(x), stepwise)).toBeLessThan(1e-6);
  });
});

test("with drop path, whole samples leave a block as they came", () => {
  using block = new Block(32, 2, 4, 0.9);
  block.initialize(new Rng(0, "init"));
  block.setTraining(true);
  scope(() => {
    const keys = Array.from({ length: 16 }, (_, i) => i);
    const x = new Rng(1, "x").normal([16 * 5 * 32]).reshape([16, 5, 32]);
    const y = withRandom(new Rng(2, "drop", 0, keys), () => block.call(x));
    const changed = y.sub(x).abs().flatten(1).amax([1]).toNumbers();
    expect(changed).toContain(0); // both branches dropped, as for 0.81 of all
    expect(changed.some((most) => most > 0)).toBe(true);
  });
});

test("LayerScale multiplies each channel of both branches", () => {
  using plain = new Block(8, 2);
  using scaled = new Block(8, 2, 4, 0, { layerScale: 0.5 });
  plain.initialize(new Rng(0, "init"));
  scaled.initialize(new Rng(0, "init"));
  scope(() => {
    expect(scaled.gamma_1?.toNumbers()).toEqual(Array.from({ length: 8 }, () => 0.5));
    const x = new Rng(1, "x").normal([4, 8]);
    const middle = x.add(plain.attn.call(plain.norm1.call(x)).mul(0.5));
    const expected = middle.add(plain.mlp.call(plain.norm2.call(middle)).mul(0.5));
    expect(relativeDifference(scaled.call(x), expected)).toBeLessThan(1e-6);
  });
});

test("a block of the class token alone: two scaled branches, the first over the class token and all patches", () => {
  using block = new ClassBlock(8, 2, 1.5);
  block.initialize(new Rng(0, "init"));
  expect(block.mlp.fc1.outputs).toBe(12);
  expect(new Set([...block.gamma_1.toNumbers(), ...block.gamma_2.toNumbers()])).toEqual(new Set([Math.fround(0.1)]));
  expect([...block.state().keys()].slice(0, 2)).toEqual(["gamma_1", "gamma_2"]); // the official names
  scope(() => {
    const rng = new Rng(1, "x", 0, [0, 1]);
    const [cls, tokens] = [rng.fork("cls").normal([1, 8]), rng.normal([4, 8])];
    const middle = cls.add(block.attn.call(block.norm1.call(cat([cls, tokens], 1))).mul(0.1));
    const expected = middle.add(block.mlp.call(block.norm2.call(middle)).mul(0.1));
    expect(relativeDifference(block.call(cls, tokens), expected)).toBeLessThan(1e-6);
  });
});

test("with a context a block goes through its modules: both branches are those of the context's keys and values", () => {
  using block = new Block(32, 2);
  block.initialize(new Rng(0, "init"));
  scope(() => {
    const x = new Rng(1, "x").normal([3 * 5 * 32]).reshape([3, 5, 32]);
    const context = tensor(BigInt64Array.from([0, 1, 3, 4, 2, 0], BigInt), [3, 2]);
    const middle = x.add(block.attn.call(block.norm1.call(x), undefined, context));
    const expected = middle.add(block.mlp.call(block.norm2.call(middle)));
    expect(relativeDifference(block.call(x, undefined, context), expected)).toBe(0);
    expect(relativeDifference(block.call(x), expected)).toBeGreaterThan(0.01);
  });
});
