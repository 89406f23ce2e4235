import { expect, test } from "vitest";
import { Rng } from "../../src/tensor/random.js";
import { atRandomPlace, nextRandom, randomPlace, withRandom } from "../../src/tensor/step-random.js";

test("draws are numbered within a forward pass, regions nest, and a place can be gone back to", () => {
  const rng = new Rng(1, "step/layers", 2, [3, 4]);
  const purposes: string[] = [];
  const draw = (): void => void purposes.push(nextRandom("dropPath").purpose);
  withRandom(rng, () => {
    draw();
    const place = randomPlace();
    draw();
    withRandom(new Rng(1, "other"), draw);
    atRandomPlace(place, draw);
    draw();
    expect(nextRandom("dropPath")).toMatchObject({ seed: 1, epoch: 2, samples: [3, 4] });
  });
  expect(purposes).toEqual([
    "step/layers/dropPath/0",
    "step/layers/dropPath/1",
    "other/dropPath/0",
    "step/layers/dropPath/1",
    "step/layers/dropPath/2",
  ]);
});

test("outside of every region a draw is refused, also after a body that threw", () => {
  expect(() =>
    withRandom(new Rng(0), () => {
      throw new Error("body");
    }),
  ).toThrow("body");
  expect(randomPlace()).toBeUndefined();
  expect(() => nextRandom("dropPath")).toThrow("dropPath needs random numbers");
});
