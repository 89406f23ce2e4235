import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { drawErased, erase_, erasingConfig } from "../../../src/methods/supervised/erasing.js";
import { zeros } from "../../../src/tensor/creation.js";
import { Rng } from "../../../src/tensor/random.js";

interface Erasure {
  readonly size: [number, number];
  readonly draws: number[];
  /** First row and column, and the ones after the last. */
  readonly region: [[number, number], [number, number]] | null;
}
const { erasures } = JSON.parse(readFileSync(new URL("../../reference/mixing.json", import.meta.url), "utf8")) as {
  readonly erasures: Erasure[];
};

test.each(erasures)("timm's RandomErasing for the same draws: $size, $region", ({ size, draws, region }) => {
  const left = [...draws];
  const uniform = (): number => left.shift() as number;
  const random = { uniform, integer: (n: number) => Math.floor(uniform() * n) };
  const found = drawErased(erasingConfig.parse({ probability: 0.75 }), size, random);
  const ends = found && [
    [found.top, found.left],
    [found.top + found.height, found.left + found.width],
  ];
  expect(ends ?? null).toEqual(region);
  expect(left).toEqual([]); // and no draw more or less than timm's
});

test("one rectangle of standard normal noise, the same for a sample in any batch; the rest is untouched", () => {
  const config = erasingConfig.parse({ probability: 1, area: [0.3, 0.3] });
  const of = (samples: number[]): number[][] =>
    scope(() => {
      const erased = erase_(zeros([samples.length, 3, 32, 24]), config, new Rng(1, "step/erase", 2, samples));
      return samples.map((_, i) => erased.select(0, i).toNumbers());
    });
  const many = of(Array.from({ length: 40 }, (_, i) => i));
  expect(of([7, 5])).toEqual([many[7], many[5]]);
  const noise = many.flat().filter((value) => value !== 0);
  expect(Math.abs(noise.length / (40 * 3 * 32 * 24) - 0.3)).toBeLessThan(0.02);
  const mean = noise.reduce((a, b) => a + b) / noise.length;
  expect(Math.abs(mean)).toBeLessThan(0.03);
  expect(Math.abs(noise.reduce((a, b) => a + b * b, 0) / noise.length - 1)).toBeLessThan(0.05);
});

test("the share of pictures that are erased, and never at probability 0", () => {
  const share = (probability: number): number =>
    scope(() => {
      const rng = new Rng(
        3,
        "erase",
        0,
        Array.from({ length: 400 }, (_, i) => i),
      );
      const erased = erase_(zeros([400, 1, 8, 8]), erasingConfig.parse({ probability }), rng);
      return erased.abs().amax([1, 2, 3]).gt(0).float().mean().item();
    });
  expect(share(0)).toBe(0);
  expect(Math.abs(share(0.25) - 0.25)).toBeLessThan(0.1);
});
