import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { channelDistance } from "../../../src/methods/parts/channel-distance.js";
import { Rng } from "../../../src/tensor/random.js";
import { tensor } from "../../../src/tensor/tensor.js";

/** The formula as the paper writes it: a sum over all pairs of channels. */
function pairwise(channels: readonly (readonly number[])[]): number {
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
  const distances = channels.flatMap((a) =>
    channels.map((b) => (1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))) / 2),
  );
  return distances.reduce((sum, value) => sum + value, 0) / channels.length ** 2;
}

test("the mean over all pairs of channels, picture by picture", () => {
  scope(() => {
    const maps = new Rng(1, "x", 0, [0, 1]).normal([6, 2, 4]); // [2 6 2 4]
    const values = maps.toNumbers();
    const expected = [0, 1].map((b) =>
      pairwise(Array.from({ length: 6 }, (_, c) => values.slice((b * 6 + c) * 8, (b * 6 + c + 1) * 8))),
    );
    const found = channelDistance(maps).toNumbers();
    for (const b of [0, 1]) expect(found[b]).toBeCloseTo(expected[b] as number, 6);
  });
});

test("0 where every channel is the same up to a factor, (1 - 1/C) / 2 at right angles, 1/2 where they cancel", () => {
  const of = (...values: number[]): number =>
    scope(() => channelDistance(tensor(Float32Array.from(values), [1, 2, 1, 2])).item());
  expect(of(1, 2, 10, 20)).toBeCloseTo(0, 6);
  expect(of(1, 0, 0, 3)).toBeCloseTo(0.25, 6);
  expect(of(1, 2, -2, -4)).toBeCloseTo(0.5, 6);
});
