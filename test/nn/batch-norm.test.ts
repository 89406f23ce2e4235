import { expect, test } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import { BatchNorm1d, BatchNorm2d } from "../../src/nn/batch-norm.js";
import { Linear } from "../../src/nn/linear.js";
import { cat } from "../../src/tensor/creation.js";
import { backward, checkpoint } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { relativeDifference, withReference } from "../numbers.js";

test("torch's BatchNorm1d: output and gradient of a batch, running statistics after two, evaluation", () => {
  withReference("finetune.safetensors", (read) => {
    using norm = new BatchNorm1d(3, { affine: false, epsilon: 1e-6 });
    norm.initialize(new Rng(0));
    expect([...norm.state().keys()]).toEqual(["running_mean", "running_var"]);
    expect(norm.parameters()).toEqual([]);
    norm.setTraining(true);
    scope(() => {
      const batches = read("norm/batches");
      const x = batches.select(0, 0).clone().setRequiresGrad(true);
      const first = norm.call(x);
      expect(relativeDifference(first, read("norm/first"))).toBeLessThan(1e-6);
      backward(first.mul(read("norm/weights")).sum());
      expect(relativeDifference(x.grad as typeof x, read("norm/gradient"))).toBeLessThan(1e-5);
      norm.call(batches.select(0, 1));
      norm.setTraining(false);
      expect(relativeDifference(norm.runningMean, read("norm/mean"))).toBeLessThan(1e-6);
      expect(relativeDifference(norm.runningVar, read("norm/var"))).toBeLessThan(1e-6);
      expect(relativeDifference(norm.call(batches.select(0, 2)), read("norm/evaluated"))).toBeLessThan(1e-6);
    });
  });
});

test("folded into the linear layer behind it, the logits stay the same; with weight and bias too", () => {
  for (const affine of [false, true]) {
    using norm = new BatchNorm1d(4, { affine, epsilon: 1e-6 });
    using linear = new Linear(4, 3);
    const rng = new Rng(1, "fold");
    norm.initialize(rng);
    linear.initialize(rng);
    noGrad(() =>
      scope(() => {
        for (const [name, value] of norm.state()) value.copy_(rng.fork(name).uniform([4]).squeeze(0).add(0.5));
        const x = rng.fork("x").normal([8, 4]).squeeze(0); // [8 4]
        const { weight, bias } = norm.foldInto(linear.weight, linear.bias as typeof linear.weight);
        const folded = x.matmul(weight.transpose(0, 1)).add(bias);
        expect(relativeDifference(folded, linear.call(norm.call(x)))).toBeLessThan(1e-5);
      }),
    );
  }
});

test("other widths, and a batch of one while training, are refused", () => {
  using norm = new BatchNorm1d(4);
  norm.initialize(new Rng(0));
  norm.setTraining(true);
  scope(() => {
    const x = new Rng(0, "x").normal([4]); // [1 4]
    expect(() => norm.call(x)).toThrow("at least two rows while training, got [1 4]");
    expect(() => norm.call(x.slice(1, 0, 3))).toThrow("batch norm expects [B 4]");
    norm.setTraining(false);
    expect(norm.call(x).shape).toEqual([1, 4]);
  });
});

test("of maps: each channel over batch and positions; running statistics move once though a segment runs twice", () => {
  const [plain, segmented] = [false, true].map((checkpointing) => {
    using norm = new BatchNorm2d(2);
    norm.initialize(new Rng(0));
    norm.setTraining(true);
    return scope(() => {
      const x = new Rng(0, "x", 0, [0, 1, 2]).normal([2, 3, 4]).setRequiresGrad(true); // [3 2 3 4]
      const y = checkpointing ? checkpoint((input) => norm.call(input), x) : norm.call(x);
      backward(y.mul(y).mul(y).sum());
      const moved = {
        mean: norm.runningMean.toNumbers(),
        variance: norm.runningVar.toNumbers(),
        gradient: x.grad?.toNumbers(),
        expected: x.detach().mean([0, 2, 3]).mul(0.1).toNumbers(),
        unbiased: x.detach().var([0, 2, 3]).mul(0.1).add(0.9).toNumbers(),
      };
      for (const { tensor } of norm.parameters()) tensor.grad = undefined;
      return moved;
    });
  });
  expect(segmented).toEqual(plain);
  for (const i of [0, 1]) {
    expect(plain?.mean[i]).toBeCloseTo(plain?.expected[i] as number, 6);
    expect(plain?.variance[i]).toBeCloseTo(plain?.unbiased[i] as number, 6);
  }
});

test("of maps: one value a channel while training, and features, are refused", () => {
  using norm = new BatchNorm2d(3);
  norm.initialize(new Rng(0));
  norm.setTraining(true);
  scope(() => {
    expect(() => norm.call(new Rng(0, "x").normal([3, 1, 1]))).toThrow(
      "batch norm expects [B 3 H W], at least two values a channel while training, got [1 3 1 1].",
    );
    expect(() => norm.call(new Rng(0, "x").normal([3]))).toThrow("[B 3 H W]");
    expect(norm.call(new Rng(0, "x").normal([3, 1, 2])).shape).toEqual([1, 3, 1, 2]);
  });
});

test("in parts of a batch: as a norm of its own for rows 0, 2, 4 and for 1, 3, 5; running statistics are their mean", () => {
  using split = new BatchNorm2d(3, { splits: 2 });
  using plain = new BatchNorm2d(3);
  for (const norm of [split, plain]) norm.setTraining(true);
  scope(() => {
    const x = new Rng(4, "x").normal([6, 3, 2, 2]).reshape([6, 3, 2, 2]);
    const rows = (from: number): Tensor => cat([0, 2, 4].map((i) => x.slice(0, i + from, i + from + 1)));
    const means: Tensor[] = [];
    const variances: Tensor[] = [];
    const apart = [0, 1].map((from) => {
      plain.initialize(new Rng(0));
      const normed = plain.call(rows(from));
      means.push(plain.runningMean.clone());
      variances.push(plain.runningVar.clone());
      return normed;
    });
    split.initialize(new Rng(0));
    const whole = split.call(x);
    for (const [from, part] of apart.entries())
      for (const [k, i] of [0, 2, 4].entries())
        expect(
          relativeDifference(whole.slice(0, i + from, i + from + 1), (part as Tensor).slice(0, k, k + 1)),
        ).toBeLessThan(1e-5);
    const mean = ([a, b]: Tensor[]): Tensor => (a as Tensor).add(b as Tensor).div(2);
    expect(relativeDifference(split.runningMean, mean(means))).toBeLessThan(1e-5);
    expect(relativeDifference(split.runningVar, mean(variances))).toBeLessThan(1e-5);
    expect(() => split.call(x.slice(0, 0, 5))).toThrow("in each of 2 equal parts of the batch");
    split.setTraining(false);
    expect(split.call(x.slice(0, 0, 5)).shape).toEqual([5, 3, 2, 2]);
  });
});
