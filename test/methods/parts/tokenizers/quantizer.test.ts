import { expect, test } from "vitest";
import { noGrad } from "../../../../src/engine/modes.js";
import { scope } from "../../../../src/engine/scope.js";
import { CosineQuantizer, type Quantized } from "../../../../src/methods/parts/tokenizers/quantizer.js";
import { zeros } from "../../../../src/tensor/creation.js";
import { backward } from "../../../../src/tensor/grad.js";
import { Rng } from "../../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../../src/tensor/tensor.js";
import { leavesNoTensors } from "../../../engine/leaks.js";
import { stepOf } from "../../../train/example.js";

leavesNoTensors();

const step = stepOf(new Rng(1, "step", 0, [0]));
const rows = (values: readonly number[], width: number): Tensor =>
  tensor(Float32Array.from(values), [1, values.length / width, width]);
const near = (found: Tensor, wanted: readonly number[], digits = 4): void => {
  for (const [i, value] of found.flatten().toNumbers().entries())
    expect(value).toBeCloseTo(wanted[i] as number, digits);
};

/** Four codes at the ends of the axes, that move by a tenth. */
function axes(): CosineQuantizer {
  const made = new CosineQuantizer({ vocabulary: 4, codeWidth: 2, momentum: 0.9 }, 1);
  made.initialize(new Rng(0, "init"));
  scope(() => noGrad(() => made.embedding.weight.copy_(rows([1, 0, 0, 1, -1, 0, 0, -1], 2).reshape([4, 2]))));
  return made;
}
const given = [3, 1, 1, 2, 2, 0.5, -0.6, 0.8];
const vectors = (): Tensor => rows(given, 2).setRequiresGrad(true);
const patches = (): Tensor => rows([1, 2, 3, 4], 1);
const call = (made: CosineQuantizer, x = vectors()): Quantized => made.call(x, patches(), step);

/** Worked out by the official code, for these four vectors. */
test("tokens, loss, codebook and use after a batch are the official code's", () => {
  using made = axes();
  made.setTraining(true);
  scope(() => {
    const { tokens, loss, quantized } = call(made);
    expect(tokens.flatten().toNumbers()).toEqual([0, 1, 0, 1]);
    expect(loss.item()).toBeCloseTo(0.0966868, 6);
    near(quantized, [1, 0, 0, 1, 1, 0, 0, 1], 6); // codes as they were before the batch
    near(made.embedding.weight, [0.9996, 0.0281, -0.009, 1, -1, 0, 0, -1]);
    near(made.clusterSize, [0.2, 0.2, 0, 0], 6);
    expect(made.used().item()).toBe(0.5);
    near(made.patches(tensor(BigInt64Array.of(0n, 1n, 2n), [1, 3])), [2, 3, 0], 5); // means of their patches, grey
  });
});

test("gradients pass straight through a code, and through making vectors unit", () => {
  using made = axes();
  scope(() => {
    const x = vectors();
    const { quantized } = call(made, x);
    backward(quantized.mul(rows([1, 2, 1, 2, 1, 2, 1, 2], 2)).sum());
    near(x.grad as Tensor, [-0.15811, 0.47434, 0, 0, -0.19974, 0.79894, 1.6, 1.2]);
    x.setRequiresGrad(false);
  });
  scope(() => {
    const x = vectors();
    backward(call(made, x).loss);
    near(x.grad as Tensor, [-0.0079, 0.0237, 0.0447, -0.0224, -0.0071, 0.0285, -0.12, -0.09]);
    x.setRequiresGrad(false);
  });
});

test("the length of vectors changes nothing; the loss is the mean of 2 − 2 cos over the width of a code", () => {
  using made = axes();
  scope(() => {
    const [one, other] = [call(made), call(made, vectors().mul(7))];
    expect(other.tokens.toArray()).toEqual(one.tokens.toArray());
    near(other.quantized, one.quantized.flatten().toNumbers(), 6);
    expect(other.loss.item()).toBeCloseTo(one.loss.item(), 6);
    const cosines = [3 / Math.hypot(3, 1), 2 / Math.hypot(1, 2), 2 / Math.hypot(2, 0.5), 0.8];
    const wanted = cosines.reduce((sum, cosine) => sum + (2 - 2 * cosine) / 4, 0) / 2;
    expect(one.loss.item()).toBeCloseTo(wanted, 6);
  });
});

test("evaluation changes nothing; codes stay unit vectors through training", () => {
  using made = new CosineQuantizer({ vocabulary: 16, codeWidth: 5, momentum: 0.9 }, 3);
  made.initialize(new Rng(0, "init"));
  const bits = (): string => [...made.state().values()].map((value) => value.toBytes().toString()).join();
  const batch = (i: number): Quantized =>
    made.call(new Rng(i, "z", 0, [0, 1]).normal([9, 5]), new Rng(i, "p", 0, [0, 1]).normal([9, 3]), step);
  scope(() => {
    const before = bits();
    batch(0);
    expect(bits()).toBe(before);
    made.setTraining(true);
    for (let i = 0; i < 50; i++) scope(() => void batch(i));
    expect(bits()).not.toBe(before);
    near(made.embedding.weight.pow(2).sum([1]), Array(16).fill(1), 5);
    expect(made.clusterSize.sum().item()).toBeCloseTo(18 * (1 - 0.9 ** 50), 3);
  });
});

test("first codes: every one of as many distinct directions becomes a code; with fewer directions nothing is NaN", () => {
  using made = new CosineQuantizer({ vocabulary: 6, codeWidth: 3, momentum: 0.9 }, 1);
  made.initialize(new Rng(0, "init"));
  const directions = (count: number): Tensor => new Rng(4, "d", 0, [0]).normal([count, 3]).reshape([count, 3]);
  scope(() => {
    noGrad(() => made.begin(directions(6), new Rng(0, "fit")));
    const found = made.tokens(directions(6)).toNumbers();
    expect(new Set(found).size).toBe(6);
    noGrad(() => made.begin(directions(4), new Rng(0, "fit")));
    near(made.embedding.weight.pow(2).sum([1]), Array(6).fill(1), 5);
  });
});

test("a code that no vector had is put on one of the batch in the steps of a revival, and in no other", () => {
  const revival = { every: 2, below: 0.01 };
  using made = new CosineQuantizer({ vocabulary: 8, codeWidth: 2, momentum: 0.9, revival }, 1);
  made.initialize(new Rng(0, "init"));
  made.setTraining(true);
  scope(() => {
    noGrad(() => made.embedding.weight.copy_(rows([1, 0, ...Array(7).fill([-1, 0]).flat()], 2).reshape([8, 2])));
    const batch = (index: number): Quantized => {
      const angles = [-0.3, -0.1, 0.1, 0.3];
      return made.call(
        rows(
          angles.flatMap((a) => [Math.cos(a), Math.sin(a)]),
          2,
        ),
        patches(),
        { ...step, index },
      );
    };
    expect(batch(0).revived?.item()).toBe(0);
    expect(batch(1).revived?.item()).toBe(0);
    expect(made.used().item()).toBe(1 / 8);
    expect(batch(2).revived?.item()).toBe(7);
    expect(
      made.embedding.weight
        .slice(1, 0, 1)
        .flatten()
        .toNumbers()
        .every((x) => x > 0.9),
    ).toBe(true);
    expect(new Set(batch(3).tokens.flatten().toNumbers()).size).toBeGreaterThan(2);
    expect(made.patches(zeros([1, 1], { dtype: "int64" })).item()).toBeCloseTo(2.5, 1);
  });
});
