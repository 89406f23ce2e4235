import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { PatchMerging, SwinStage, WindowAttention } from "../../../src/models/swin/block.js";
import { relativeRows } from "../../../src/models/swin/windows.js";
import { arange, eye, zeros } from "../../../src/tensor/creation.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { fill } from "../convnet-formula.js";

const random = (seed: number, shape: readonly number[]): Tensor => new Rng(seed, "x").normal(shape).reshape(shape);
const largest = (x: Tensor): number => x.abs().amax([]).item();

test("attention goes where its bias points, and not where its mask forbids", () => {
  using attention = new WindowAttention(4, 1, [1, 2]);
  attention.initialize(new Rng(0, "init"));
  noGrad(() =>
    scope(() => {
      attention.proj.weight.copy_(eye(4));
      const x = random(1, [1, 2, 4]);
      const rows = relativeRows([1, 2], "cpu");
      const values = attention.qkv.call(x).slice(2, 8); // [1 2 4]
      attention.relativePositionBiasTable.copy_(arange(0, 3).eq(1).float().mul(1e4).unsqueeze(1)); // the place itself
      expect(largest(attention.call(x, rows).sub(values))).toBeLessThan(1e-6);
      const others = eye(2).mul(-1e5).unsqueeze(0); // the place itself is hidden
      expect(largest(attention.call(x, rows, others).sub(values.flip([1])))).toBeLessThan(1e-6);
    }),
  );
});

test("merging: top left, bottom left, top right, bottom right of every four; odd sides have zeros behind them", () => {
  using merging = new PatchMerging(1, 1e-5);
  merging.initialize(new Rng(0, "init"));
  noGrad(() =>
    scope(() => {
      merging.norm.weight.copy_(zeros([4]));
      merging.norm.bias.copy_(arange(1, 5));
      merging.reduction.weight.copy_(eye(4).slice(0, 1, 3));
      expect(
        merging
          .call(random(1, [1, 3, 3, 1]))
          .flatten()
          .toNumbers(),
      ).toEqual([2, 3, 2, 3, 2, 3, 2, 3]);
      merging.norm.weight.copy_(zeros([4]).add(1));
      merging.norm.bias.copy_(zeros([4]));
      const [bottomLeft = 0, topRight = 0] = merging
        .call(arange(0, 4).reshape([1, 2, 2, 1]))
        .flatten()
        .toNumbers();
      expect(bottomLeft).toBeGreaterThan(0); // 2 of 0, 1, 2, 3
      expect(topRight).toBeCloseTo(-bottomLeft, 5); // 1
    }),
  );
});

test("a window reaches as far as it is wide; with those that move, one block later, into its neighbours", () => {
  const options = { width: 4, heads: 1, map: [8, 8], window: 4, epsilon: 1e-5, isMerged: false } as const;
  const reached = (depth: number): number => {
    using stage = new SwinStage({ ...options, dropPaths: Array<number>(depth).fill(0) });
    fill(stage);
    return noGrad(() =>
      scope(() => {
        const x = random(1, [1, 8, 8, 4]);
        const other = x.add(
          arange(0, 64)
            .eq(0)
            .float()
            .reshape([1, 8, 8, 1])
            .mul(random(2, [4])),
        );
        const moved = stage.call(x).sub(stage.call(other)).abs().sum([3]).flatten().toNumbers();
        return moved.filter((change) => change > 0).length;
      }),
    );
  };
  expect(reached(1)).toBe(16); // the window of the first position
  expect(reached(2)).toBe(36); // moved by two: what shares a window with one of the first sixteen
});

test("a width that its heads do not divide is refused before anything is allocated", () => {
  expect(() => new WindowAttention(16, 3, [7, 7])).toThrow("a width of 16 does not divide into 3 heads.");
});
