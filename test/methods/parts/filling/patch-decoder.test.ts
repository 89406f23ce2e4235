import { expect, test } from "vitest";
import { noGrad } from "../../../../src/engine/modes.js";
import { scope } from "../../../../src/engine/scope.js";
import { PatchDecoder } from "../../../../src/methods/parts/filling/patch-decoder.js";
import { maskFromNoise } from "../../../../src/methods/parts/masks.js";
import { arange } from "../../../../src/tensor/creation.js";
import { Rng } from "../../../../src/tensor/random.js";
import type { Tensor } from "../../../../src/tensor/tensor.js";

function build(depth: number, fillsIn = true): PatchDecoder {
  const decoder = new PatchDecoder({
    ...{ inputs: 16, outputs: 6, grid: [2, 4], width: 8, depth, heads: 2, mlpRatio: 4, fillsIn },
  });
  decoder.initialize(new Rng(0, "init"));
  return decoder;
}

const rng = new Rng(1, "x", 0, [0, 1]);

/** Which patches of a picture differ. */
const changedRows = (a: Tensor, b: Tensor): number[] =>
  a
    .sub(b)
    .abs()
    .amax([2])
    .select(0, 0)
    .toNumbers()
    .flatMap((value, i) => (value > 0 ? [i] : []));

test("without blocks a visible token says what its own patch is, and no other", () => {
  using decoder = build(0);
  noGrad(() =>
    scope(() => {
      const mask = maskFromNoise(rng.uniform([8]), 3);
      const latent = rng.normal([4, 16]); // [B 1+K D]
      const before = decoder.call(latent, mask); // [B N O]
      expect(before.shape).toEqual([2, 8, 6]);
      for (const k of [0, 1, 2]) {
        const token = arange(0, 4)
          .eq(1 + k)
          .float()
          .reshape([1, 4, 1]); // [1 1+K 1]
        const after = decoder.call(latent.add(token.mul(rng.fork("other").normal([4, 16]))), mask);
        expect(changedRows(after, before)).toEqual([mask.ids.toNumbers()[k]]);
      }
    }),
  );
});

test("with blocks every patch depends on every token; the patches that are asked for come alone, and in their order", () => {
  using decoder = build(1);
  noGrad(() =>
    scope(() => {
      const mask = maskFromNoise(rng.uniform([8]), 3);
      const latent = rng.normal([4, 16]);
      const all = decoder.call(latent, mask);
      const other = latent.add(
        arange(0, 4)
          .eq(0)
          .float()
          .reshape([1, 4, 1])
          .mul(rng.fork("other").normal([4, 16])),
      );
      expect(changedRows(decoder.call(other, mask), all)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      const hidden = mask.ids.slice(1, 3); // [B M]
      const some = decoder.call(latent, mask, hidden).select(0, 0); // [M O]
      const rows = all.select(0, 0).indexSelect(0, hidden.select(0, 0)); // [M O]
      expect(some.sub(rows).abs().amax([]).item()).toBeLessThan(1e-6);
    }),
  );
});

test("where all patches have tokens it has no mask token, and takes them in image order", () => {
  using decoder = build(0, false);
  expect([...decoder.state().keys()]).not.toContain("mask_token");
  noGrad(() =>
    scope(() => {
      const mask = maskFromNoise(rng.uniform([8]), 3);
      const latent = rng.normal([9, 16]); // [B 1+N D]
      const fourth = arange(0, 9).eq(4).float().reshape([1, 9, 1]);
      const after = decoder.call(latent.add(fourth.mul(rng.fork("other").normal([9, 16]))), mask);
      expect(changedRows(after, decoder.call(latent, mask))).toEqual([3]);
    }),
  );
});
