import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { DropPath, dropPathRates } from "../../src/nn/drop-path.js";
import { ones } from "../../src/tensor/creation.js";
import { Rng } from "../../src/tensor/random.js";
import { atRandomPlace, withRandom } from "../../src/tensor/step-random.js";

test("a sample's draw depends on its key alone; views of a batch and later calls are drawn for apart", () => {
  using drop = new DropPath(0.5);
  drop.setTraining(true);
  const factors = (samples: number[], views = 1, calls = 1): number[][] =>
    scope(() =>
      withRandom(new Rng(3, "step", 1, samples), () =>
        Array.from({ length: calls }, () => drop.call(ones([views * samples.length, 1])).toNumbers()),
      ),
    );
  const many = Array.from({ length: 512 }, (_, i) => i);
  const [first = [], second = []] = factors(many, 1, 2);
  expect(new Set(first)).toEqual(new Set([0, 2]));
  const mean = first.reduce((a, b) => a + b, 0) / first.length;
  expect(Math.abs(mean - 1)).toBeLessThan(0.15); // 3.4 standard deviations
  expect(second).not.toEqual(first);
  expect(factors([7, 5])[0]).toEqual([first[7], first[5]]);
  const [views = []] = factors(many, 2);
  expect(views.slice(0, 512)).not.toEqual(views.slice(512));
});

test("evaluation and rate 0 change nothing and draw nothing; training without keys and wrong rates are refused", () => {
  using drop = new DropPath(0.9);
  scope(() => {
    expect(drop.call(ones([2, 3])).toNumbers()).toEqual([1, 1, 1, 1, 1, 1]);
    drop.setTraining(true);
    expect(() => drop.call(ones([2, 3]))).toThrow(
      "dropPath needs random numbers, and nobody said from which keys. Run the model inside withRandom",
    );
    expect(() => withRandom(new Rng(0, "", 0, [1, 2]), () => drop.call(ones([3, 1])))).toThrow(
      "drop path draws for 2 samples, the batch has 3 rows.",
    );
    using never = new DropPath(0);
    never.setTraining(true);
    expect(atRandomPlace(undefined, () => never.call(ones([2])).toNumbers())).toEqual([1, 1]);
  });
  expect(() => new DropPath(1)).toThrow("drop path: expected a number from 0 to below 1, got 1.");
});

test("rates grow linearly from 0 to the largest; one block has 0 (timm)", () => {
  expect(dropPathRates(0.2, 5)).toEqual([0, 0.05, 0.1, 0.15000000000000002, 0.2]);
  expect(dropPathRates(0.2, 1)).toEqual([0]);
});
