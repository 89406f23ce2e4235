import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import { dinoLoss } from "../../../../src/methods/parts/losses/dino.js";
import { matchRegions, regionLoss } from "../../../../src/methods/parts/losses/regions.js";
import { cat, zeros } from "../../../../src/tensor/creation.js";
import { backward } from "../../../../src/tensor/grad.js";
import { Rng } from "../../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../../src/tensor/tensor.js";

/** The numbers of the card: sin(0.7 i + 1.3 j (1 + 0.1 i) + φ). */
function wave(rows: number, columns: number, phase: number): Tensor {
  const values = Array.from({ length: rows * columns }, (_, n) => {
    const [i, j] = [Math.floor(n / columns), n % columns];
    return Math.sin(0.7 * i + 1.3 * j * (1 + 0.1 * i) + phase);
  });
  return tensor(Float32Array.from(values), [1, rows, columns]);
}
const random = (seed: number, shape: readonly number[]): Tensor => new Rng(seed, "x").normal(shape).reshape(shape);
const temperatures = { studentTemperature: 0.1, teacherTemperature: 0.04 };

/** A student of one large crop that meets the teacher's other one, and the other way round. */
const pairOf = (student: Tensor, scores: Tensor) => [
  { features: student, scores },
  { features: student, scores },
];

/** Computed for the card from the paper's equation, in float64. */
test("matches [1, 2] and a loss of 0.650043", () => {
  scope(() => {
    const [ours, theirs] = [wave(2, 4, 0.9), wave(3, 4, 0.2)];
    expect(matchRegions(ours, theirs).toNumbers()).toEqual([1, 2]);
    const centre = wave(1, 6, 1).reshape([1, 6]).mul(0.1);
    const options = { centre, ...temperatures };
    const loss = regionLoss(pairOf(ours, wave(2, 6, 1.1)), pairOf(theirs, wave(3, 6, 0.3)), options);
    expect(loss.item()).toBeCloseTo(0.650043, 5);
  });
});

test("a subset of the teacher's regions finds itself, in any order and at any scale", () => {
  scope(() => {
    const theirs = random(1, [2, 5, 8]);
    const order = [3, 0, 4];
    const ours = cat(
      order.map((i, n) => theirs.slice(1, i, i + 1).mul(0.1 + 10 * n)),
      1,
    ); // [2 3 8]
    expect(matchRegions(ours, theirs).toNumbers()).toEqual([...order, ...order]);
  });
});

test("gradients reach the student's scores alone", () => {
  scope(() => {
    const [features, scores, theirs, wanted] = [
      random(1, [2, 3, 8]),
      random(2, [2, 3, 6]),
      random(3, [2, 5, 8]),
      random(4, [2, 5, 6]),
    ].map((value) => value.setRequiresGrad(true)) as [Tensor, Tensor, Tensor, Tensor];
    const options = { centre: zeros([1, 6]), ...temperatures };
    backward(regionLoss(pairOf(features, scores), pairOf(theirs, wanted), options));
    expect([features, theirs, wanted].map(({ grad }) => grad)).toEqual([undefined, undefined, undefined]);
    expect(scores.grad?.abs().amax([]).item()).toBeGreaterThan(0);
  });
});

test("with one region a crop it is the loss between views", () => {
  scope(() => {
    const crops = [1, 2, 3].map((seed) => random(seed, [4, 6]));
    const teacher = [7, 8].map((seed) => random(seed, [4, 6]));
    const options = { centre: random(9, [1, 6]), ...temperatures };
    const regions = (scores: readonly Tensor[]) =>
      scores.map((one) => ({ features: one.unsqueeze(1), scores: one.unsqueeze(1) }));
    const views = dinoLoss(cat(crops), cat(teacher), { ...options, pictures: 4 }).loss.item();
    expect(regionLoss(regions(crops), regions(teacher), options).item()).toBeCloseTo(views, 5);
  });
});
