import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { cellLines, cellMask, stack, unstack } from "../../../src/nn/convolution/visible-cells.js";
import { arange } from "../../../src/tensor/creation.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";

/** Two pictures of 2 × 3 cells; visible are 4 and 1 in one, 0 and 5 in the other. */
const hidden = (): Tensor => tensor(Float32Array.of(1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0), [2, 6]);

test("visible cells stand below one another, line by line; in the map hidden ones are zero", () => {
  scope(() => {
    const mask = cellMask(hidden());
    expect(mask.kept).toBe(2);
    const { taken, placed } = cellLines(mask, [2, 3], 2);
    const map = arange(1, 1 + 2 * 4 * 6).reshape([2, 4, 6, 1]); // cells of 2 × 2 sites
    const stacked = stack(map, taken, 2); // [2 2·2 2 1]
    const order = Array.from(mask.ids.slice(1, 0, 2).toArray() as BigInt64Array, Number);
    expect(stacked.shape).toEqual([2, 4, 2, 1]);
    const cell = (b: number, id: number): number[] => {
      const [i, j] = [Math.floor(id / 3), id % 3];
      const first = 1 + b * 24 + 2 * i * 6 + 2 * j;
      return [first, first + 1, first + 6, first + 7];
    };
    const wanted = order.flatMap((id, at) => cell(at < 2 ? 0 : 1, id));
    expect(stacked.toNumbers()).toEqual(wanted);
    const back = unstack(stacked, placed).toNumbers();
    expect(back).toEqual(map.toNumbers().map((value) => (wanted.includes(value) ? value : 0)));
  });
});

test("gradients go back to where values came from, and to nowhere else", () => {
  scope(() => {
    const { taken, placed } = cellLines(cellMask(hidden()), [2, 3], 4);
    const map = new Rng(1, "x", 0, [0, 1]).normal([8, 12, 5]).setRequiresGrad(true); // [2 8 12 5]
    const weights = new Rng(2, "w", 0, [0, 1]).normal([8, 12, 5]);
    backward(
      unstack(stack(map, taken, 4), placed)
        .mul(weights)
        .sum(),
    );
    const shown = unstack(stack(weights, taken, 4), placed);
    expect((map.grad as Tensor).toNumbers()).toEqual(shown.toNumbers());
    map.grad = undefined;
  });
});
