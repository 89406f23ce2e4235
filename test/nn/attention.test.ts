import { expect, test } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import { Attention, ClassAttention, CrossAttention } from "../../src/nn/attention.js";
import { cat } from "../../src/tensor/creation.js";
import { Rng } from "../../src/tensor/random.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { relativeDifference } from "../numbers.js";

test("the fused projection equals a loop over heads", () => {
  using layer = new Attention(12, 3);
  layer.initialize(new Rng(5, "init"));
  scope(() => {
    const x = new Rng(6, "x").normal([7, 12]);
    const qkv = layer.qkv.call(x); // [1 7 36]: q, k, v, each head-major
    const part = (which: number, head: number): Tensor =>
      qkv.slice(2, which * 12 + head * 4, which * 12 + head * 4 + 4);
    const heads = [0, 1, 2].map((head) => {
      const weights = part(0, head).matmul(part(1, head).transpose(1, 2)).div(2).softmax(-1);
      expect(weights.sum([-1]).sub(1).abs().amax([]).item()).toBeLessThan(1e-6);
      return weights.matmul(part(2, head));
    });
    expect(relativeDifference(layer.call(x), layer.proj.call(cat(heads, 2)))).toBeLessThan(1e-6);
  });
});

test("heads that do not divide the width", () => {
  for (const Layer of [Attention, ClassAttention])
    expect(() => new Layer(10, 3)).toThrow("width 10 does not divide into 3 heads");
});

test("class attention equals a loop over heads of one query; the patches' order does not matter", () => {
  using layer = new ClassAttention(12, 3);
  layer.initialize(new Rng(5, "init"));
  scope(() => {
    const x = new Rng(6, "x", 0, [0, 1]).normal([7, 12]); // [2 7 12]
    const [q, k, v] = [layer.q.call(x.slice(1, 0, 1)), layer.k.call(x), layer.v.call(x)];
    const heads = [0, 1, 2].map((head) => {
      const part = (of: Tensor): Tensor => of.slice(2, head * 4, head * 4 + 4);
      const weights = part(q).matmul(part(k).transpose(1, 2)).div(2).softmax(-1); // [2 1 7]
      expect(relativeDifference(layer.weights(x).select(1, head), weights)).toBeLessThan(1e-6);
      return weights.matmul(part(v));
    });
    const gathered = layer.call(x);
    expect(gathered.shape).toEqual([2, 1, 12]);
    expect(relativeDifference(gathered, layer.proj.call(cat(heads, 2)))).toBeLessThan(1e-6);
    const turned = cat([x.slice(1, 0, 1), x.slice(1, 1).flip([1])], 1);
    expect(relativeDifference(layer.call(turned), gathered)).toBeLessThan(1e-5);
  });
});

test("without a key's bias it is the same, since softmax ignores one; relative positions decide who is looked at", () => {
  using whole = new Attention(12, 3);
  using bare = new Attention(12, 3, { keyBias: false });
  using related = new Attention(12, 3, { relative: { grid: [2, 3], own: true } });
  expect([whole.isPlain, bare.isPlain, related.isPlain]).toEqual([true, false, false]);
  whole.initialize(new Rng(5, "init"));
  related.initialize(new Rng(5, "init"));
  scope(() =>
    noGrad(() => {
      const given = new Rng(7, "bias").normal([36]).flatten();
      whole.qkv.bias?.copy_(given);
      bare.qkv.weight.copy_(whole.qkv.weight);
      bare.proj.weight.copy_(whole.proj.weight);
      bare.proj.bias?.copy_(whole.proj.bias as Tensor);
      bare.qBias?.copy_(given.slice(0, 0, 12));
      bare.vBias?.copy_(given.slice(0, 24));
      const x = new Rng(6, "x").normal([7, 12]);
      expect(relativeDifference(bare.call(x), whole.call(x))).toBeLessThan(1e-5);
      for (const part of ["qkv", "proj"] as const) {
        related[part].weight.copy_(whole[part].weight);
        related[part].bias?.copy_(whole[part].bias as Tensor);
      }
      expect(relativeDifference(related.call(x), whole.call(x))).toBeLessThan(1e-6);
      related.relativePositionBiasTable?.select(0, 15 + 1).fill_(1e4); // of a patch as query, the class token as key
      const first = whole.qkv.call(x).slice(2, 24).slice(1, 0, 1).expand([-1, 6, -1]); // [1 6 12]
      expect(relativeDifference(related.call(x).slice(1, 1), related.proj.call(first))).toBeLessThan(1e-5);
      expect(related.weights(x).select(3, 0).slice(2, 1).amin([]).item()).toBe(1);
    }),
  );
});

test("cross-attention takes of other tokens' values by queries and keys of its own, head by head", () => {
  using layer = new CrossAttention(12, 3);
  layer.initialize(new Rng(5, "init"));
  scope(() =>
    noGrad(() => {
      layer.qBias.copy_(new Rng(8, "q").normal([12]).flatten());
      layer.vBias.copy_(new Rng(8, "v").normal([12]).flatten());
      const [query, key, value] = [2, 5, 5].map((tokens, i) => new Rng(i, "x", 0, [0, 1]).normal([tokens, 12])) as [
        ...[Tensor, Tensor, Tensor],
      ];
      const [q, k, v] = [
        layer.q.call(query).add(layer.qBias), // [2 2 12]
        layer.k.call(key), // [2 5 12]
        layer.v.call(value).add(layer.vBias),
      ];
      const heads = [0, 4, 8].map((from) => {
        const [asked, offered, taken] = [q, k, v].map((x) => x.slice(2, from, from + 4)) as [Tensor, Tensor, Tensor];
        return asked.matmul(offered.transpose(1, 2)).div(2).softmax(-1).matmul(taken); // [2 2 4]
      });
      expect(relativeDifference(layer.call(query, key, value), layer.proj.call(cat(heads, 2)))).toBeLessThan(1e-5);
    }),
  );
  expect(() => new CrossAttention(12, 5)).toThrow("width 12 does not divide into 5 heads");
});

test("a context alone gives keys and values: as attention in which the others are ruled out, whatever else a layer has", () => {
  const order = [3, 0, 5];
  for (const options of [{}, { keyBias: false }, { relative: { grid: [2, 3], own: true } } as const]) {
    using layer = new Attention(12, 3, options);
    layer.initialize(new Rng(5, "init"));
    scope(() =>
      noGrad(() => {
        layer.relativePositionBiasTable?.copy_(new Rng(8, "table").normal([18, 3]).flatten(0, 1));
        layer.qBias?.copy_(new Rng(8, "q").normal([12]).flatten());
        layer.vBias?.copy_(new Rng(8, "v").normal([12]).flatten());
        const x = new Rng(6, "x", 0, [0, 1]).normal([7, 12]); // [2 7 12]
        const ids = tensor(BigInt64Array.from([...order, 1, 2, 6], BigInt), [2, 3]);
        const kept = [order, [1, 2, 6]];
        const weights = layer.weights(x); // [2 3 7 7]
        const allowed = tensor(
          Float32Array.from({ length: 14 }, (_, i) => Number(kept[Math.floor(i / 7)]?.includes(i % 7))),
          [2, 1, 1, 7],
        );
        const seen = weights.mul(allowed);
        const share = seen.div(seen.sum([-1], true)); // [2 3 7 7]
        const value = layer.qkv
          .call(x)
          .slice(2, 24)
          .add(layer.vBias ?? 0); // [2 7 12]
        const heads = [0, 1, 2].map((head) => share.select(1, head).matmul(value.slice(2, head * 4, head * 4 + 4)));
        expect(relativeDifference(layer.call(x, undefined, ids), layer.proj.call(cat(heads, 2)))).toBeLessThan(1e-5);
      }),
    );
  }
});

test("a context of all tokens, in any order, changes nothing", () => {
  using layer = new Attention(32, 2);
  layer.initialize(new Rng(5, "init"));
  scope(() => {
    const x = new Rng(6, "x", 0, [0, 1]).normal([5, 32]);
    const ids = tensor(BigInt64Array.from([4, 2, 0, 1, 3, 0, 1, 2, 3, 4], BigInt), [2, 5]);
    expect(relativeDifference(layer.call(x, undefined, ids), layer.call(x))).toBeLessThan(1e-6);
  });
});
